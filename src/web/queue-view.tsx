// SPDX-License-Identifier: GPL-2.0-only
/**
 * A CPU's fair queues on the axis of virtual time: an entity is a bar from its vruntime to its deadline, V a line, an eligible
 * entity is filled. Groups stand below their own bar, on an axis of their own.
 */
import { scaleLinear } from 'd3-scale';
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import { type FairQueue, fairQueue, type QueuedEntity } from '../step/queue.js';
import type { Kernel } from '../vmlinux/bind.js';
import { grouped, Panel, Scroll, signed, useWidth } from './parts.js';
import type { ViewProps } from './run-view.js';

const ROW = 22;
const LEFT = 150;
const RIGHT = 96;

interface Placed {
  queue: FairQueue;
  level: number;
}

/** Root first, each group below the queue that it is queued on. */
function queuesOf(m: machine, kernel: Kernel, cpu: number): Placed[] {
  const placed: Placed[] = [];
  const own = cloneMachine(m);
  const visit = (id: number, level: number): void => {
    const queue = fairQueue(m, kernel, id, own);
    placed.push({ queue, level });
    for (const { my_q } of queue.entities) if (my_q >= 0) visit(my_q, level + 1);
  };
  visit(m.rq[cpu].cfs, 0);
  return placed;
}

export function Queue(props: ViewProps & { cpu: number | null }): JSX.Element {
  const { session, send } = props;
  const { machine: m } = session.line;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 500);
  const cpu = Math.min(props.cpu ?? session.presentCpu, m.rq.length - 1);
  const { curr, nr_running } = m.rq[cpu];
  const rt = m.rq[cpu].rt.queue.map((id) => m.task[id].comm);
  return (
    <Panel id="queue" title={`CPU ${cpu}`} note={`${m.task[curr].comm} runs, nr_running ${nr_running}`}>
      {m.rq.length === 1 ? null : (
        <fieldset class="choose" aria-label="CPU">
          {m.rq.map((rq) => (
            <button
              type="button"
              key={rq.cpu}
              aria-pressed={rq.cpu === cpu}
              onClick={() => send({ type: 'cpu', by: rq.cpu - (props.cpu ?? 0) })}
            >
              {rq.cpu}
            </button>
          ))}
        </fieldset>
      )}
      <Scroll label="fair queues on the axis of virtual time">
        <div ref={box} />
        {rt.length === 0 ? null : <p class="hint">real-time: {rt.join(' ')}</p>}
        {session.other === null ? null : <h3>{session.line.kernel.name}</h3>}
        {queuesOf(m, session.line.kernel, cpu).map(({ queue, level }) => (
          <QueueDrawing key={queue.id} queue={queue} level={level} width={Math.max(320, width)} />
        ))}
        {session.other === null ? null : <Beside session={session} kernel={session.other} cpu={cpu} width={width} />}
      </Scroll>
    </Panel>
  );
}

interface BesideProps {
  session: ViewProps['session'];
  kernel: Kernel;
  cpu: number;
  width: number;
}

/** The same CPU's queues on the kernel beside, at the same place. */
function Beside({ session, kernel, cpu, width }: BesideProps): JSX.Element {
  const m = session.otherMachine;
  const { deathWords } = session.stepper.other ?? {};
  return (
    <>
      <h3>
        {kernel.name}
        {m === null ? '' : `: ${m.task[m.rq[cpu].curr].comm} runs, nr_running ${m.rq[cpu].nr_running}`}
      </h3>
      {m === null ? (
        <p class="hint">It died before: {deathWords}</p>
      ) : (
        queuesOf(m, kernel, cpu).map(({ queue, level }) => (
          <QueueDrawing key={queue.id} queue={queue} level={level} width={Math.max(320, width)} />
        ))
      )}
    </>
  );
}

const number = (n: bigint): number => Number(n);

function QueueDrawing({ queue, level, width }: Placed & { width: number }): JSX.Element {
  const { entities, V } = queue;
  const indent = level * 14;
  const ends = entities.flatMap((se) => [number(se.at), V === null ? number(se.at) : number(se.at + se.deadline)]);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const margin = Math.max((high - low) * 0.06, 1);
  const x = scaleLinear([low - margin, high + margin], [LEFT, width - RIGHT]);
  const height = entities.length * ROW + 34;
  const title = queue.group === '' ? `cfs_rq[${queue.id}]` : `cfs_rq[${queue.id}] ${queue.group}`;
  const base = V === null ? 'min_vruntime' : `V ${grouped(V)}`;
  return (
    <svg
      class="queue"
      width={width - indent}
      height={height}
      viewBox={`0 0 ${width - indent} ${height}`}
      style={{ marginLeft: `${indent}px` }}
      role="img"
      aria-label={`${title}, ${base}: ${entities.map(spoken).join('; ')}`}
    >
      <text x="0" y="12">
        <tspan class="title">{title}</tspan>
        <tspan class="v-name" dx="10">
          {base}
        </tspan>
      </text>
      {x.ticks((width - LEFT - RIGHT) / 90).map((t) => (
        <g key={t} class="tick">
          <line x1={x(t)} x2={x(t)} y1="18" y2={height - 14} />
          <text x={x(t)} y={height - 3} text-anchor="middle">
            {t === 0 ? '0' : timeText(t)}
          </text>
        </g>
      ))}
      <line class="v" x1={x(0)} x2={x(0)} y1="16" y2={height - 14} />
      {entities.map((se, i) => (
        <Entity key={se.id} se={se} y={20 + i * ROW} x={x} right={width - indent} />
      ))}
      {entities.length === 0 ? (
        <text x={LEFT} y="26" class="tick">
          nobody is queued
        </text>
      ) : null}
    </svg>
  );
}

/** +2 ms, −250 µs, +30 ns */
function timeText(ns: number): string {
  const [by, unit] = Math.abs(ns) >= 1e6 ? [1e6, 'ms'] : Math.abs(ns) >= 1e3 ? [1e3, 'µs'] : [1, 'ns'];
  return `${signed(Number((ns / by).toPrecision(6)))} ${unit}`;
}

function spoken(se: QueuedEntity): string {
  const state = se.eligible === null ? '' : se.eligible ? ', eligible' : ', not eligible';
  const lag = se.lag === null ? '' : `, lag ${se.lag} ns`;
  return `${se.name}${se.marks.map((it) => ` ${it}`).join('')}${lag}${state}`;
}

interface EntityProps {
  se: QueuedEntity;
  y: number;
  x(at: number): number;
  right: number;
}

function Entity({ se, y, x, right }: EntityProps): JSX.Element {
  const from = x(number(se.at));
  const to = x(number(se.at + se.deadline));
  const isCurr = se.marks.includes('curr');
  const state = `${se.eligible === true ? 'eligible' : ''} ${isCurr ? 'curr' : ''} ${se.my_q >= 0 ? 'group' : ''}`;
  const buddies = se.marks.filter((it) => it !== 'curr');
  return (
    <g class={`entity ${state}`}>
      <title>{`se[${se.id}] ${spoken(se)}, vruntime ${se.vruntime}, deadline +${se.deadline}, slice ${se.slice}, weight ${se.weight}`}</title>
      <text x="0" y={y + 13} class="name">
        {isCurr ? '▶ ' : ''}
        {se.name.length > 15 ? `${se.name.slice(0, 14)}…` : se.name}
        {buddies.map((it) => ` [${it}]`).join('')}
      </text>
      {se.eligible === null ? (
        <circle cx={from} cy={y + 8} r="5" />
      ) : (
        <rect x={Math.min(from, to)} y={y + 2} width={Math.max(2, Math.abs(to - from))} height={ROW - 9} rx="1" />
      )}
      <line class="vruntime" x1={from} x2={from} y1={y} y2={y + ROW - 5} />
      <text x={right - 2} y={y + 13} class="lag" text-anchor="end">
        {se.lag === null ? `w ${se.weight}` : `${signed(se.lag)}`}
      </text>
    </g>
  );
}
