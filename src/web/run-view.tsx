// SPDX-License-Identifier: GPL-2.0-only
/** The run, event by event, and the one event that the place is in: its calls, their source, what it changed. */
import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { machine } from '../machine/state.js';
import { cpuOf, eventText } from '../report/event-text.js';
import { callText, pathText, stepText, valueText } from '../step/text.js';
import type { Timeline } from '../step/timeline.js';
import type { Kernel } from '../vmlinux/bind.js';
import { lineAt, type TreeLine, treeOf, unfolded } from './call-tree.js';
import { byRecord, type Change } from './changes.js';
import type { PageEvent } from './page-machine.js';
import { grouped, LongList, Panel, Scroll, useStill } from './parts.js';
import type { Session } from './session.js';
import { kernelPathOf } from './sources.js';

export interface ViewProps {
  session: Session;
  /** changes whenever the session has */
  turn: number;
  send(event: PageEvent): void;
}

export function Events({ session, send }: ViewProps): JSX.Element {
  const { line, stepper } = session;
  const { events, place } = line;
  const put = new Set(session.edits.flatMap((edit) => ('in' in edit ? [edit.in] : [])));
  const parted = session.parted;
  const row = (i: number): JSX.Element => {
    if (i === events.length) return <i>{line.died === null ? 'the end' : line.died}</i>;
    const cpu = cpuOf(events[i]);
    return (
      <>
        <span class="n">{i}</span>
        <span class="cpu">{cpu === null ? '' : `c${cpu}`}</span>
        <span class="what">{eventText(events[i], stepper.names)}</span>
        {parted === i ? <b class="mark">differs</b> : null}
        {session.broken === i ? <b class="mark">breaks</b> : null}
      </>
    );
  };
  const out = session.edits.filter((edit) => 'out' in edit).length;
  const note = [
    `${grouped(place.event)} of ${grouped(events.length)}`,
    ...(session.more ? ['more happens'] : []),
    ...(out > 0 ? [`${out} out`] : []),
    ...(put.size > 0 ? [`${put.size} put in`] : []),
  ].join(', ');
  return (
    <Panel id="events" title="Events" note={note}>
      <LongList
        id="event"
        label="events of the run"
        count={events.length + 1}
        current={place.event}
        row={row}
        rowClass={(i) => (put.has(i) ? 'put' : i < place.event ? 'past' : '')}
        onPick={(event) => send({ type: 'go', place: { event, step: 0 } })}
      />
    </Panel>
  );
}

interface CallLineProps {
  kernel: Kernel;
  m: machine;
  it: TreeLine;
  isFolded: boolean;
}

function CallLine({ kernel, m, it, isFolded }: CallLineProps): JSX.Element {
  const { step } = it;
  const text = step.kind === 'call' ? callText(step, kernel, m) : stepText(step, kernel, m);
  const [, name = text, rest = ''] = step.kind === 'call' ? (/^(\w+)(.*)$/s.exec(text) ?? []) : [];
  return (
    <span class={`step ${step.kind}`} style={{ '--depth': Math.min(step.depth, 40) }}>
      <span class={it.folds ? 'sign fold' : 'sign'}>{it.folds ? (isFolded ? '▸' : '▾') : MARK[step.kind]}</span>
      {step.kind === 'call' ? (
        <>
          <b>{name}</b>
          {rest}
          {it.result === null || it.result.result === undefined ? null : (
            <span class="result"> = {valueText(it.result.result, null, m)}</span>
          )}
        </>
      ) : (
        text
      )}
    </span>
  );
}

const MARK = { call: '', return: '', write: '=', trace: '*' } as const;

export function Calls({ session, send, folding }: ViewProps & { folding(fold: () => void): void }): JSX.Element {
  const { line } = session;
  const { place, events } = line;
  const isStill = useStill(`${place.event} ${events.length}`);
  // inside, it is known already
  const detail = place.step > 0 || isStill ? line.detail : null;
  const [folded, fold] = useState<{ event: number; calls: ReadonlySet<number> }>({ event: -1, calls: new Set() });
  const all = useMemo(() => (detail === null ? [] : treeOf(detail)), [detail]);
  const lines = folded.event === place.event ? unfolded(all, folded.calls) : all;
  const current = detail === null ? -1 : lineAt(lines, detail, place.step);
  const parted = detail === null ? -1 : lineOf(lines, session.partsAt);
  const toggle = ({ index }: TreeLine): void => {
    const calls = new Set(folded.event === place.event ? folded.calls : []);
    if (!calls.delete(index)) calls.add(index);
    fold({ event: place.event, calls });
  };
  folding(() => {
    const it = lines.findLast(({ folds }, i) => folds && i <= Math.max(0, current));
    if (it !== undefined) toggle(it);
  });
  const row = (i: number): JSX.Element => {
    const it = lines[i];
    const isFolded = folded.event === place.event && folded.calls.has(it.index);
    return <CallLine kernel={line.kernel} m={line.machine} it={it} isFolded={isFolded} />;
  };
  const title =
    place.event < events.length
      ? `Event ${place.event}: ${eventText(events[place.event], session.stepper.names)}`
      : 'The end';
  const note =
    detail === null
      ? ''
      : place.step === 0
        ? `before it; ${grouped(detail.steps.length)} steps`
        : `step ${grouped(place.step)} of ${grouped(detail.steps.length)}`;
  return (
    <Panel id="calls" title={title} note={note}>
      <LongList
        key={place.event}
        id="call"
        label="calls, writes and tracepoints of the event"
        count={lines.length}
        current={current}
        row={row}
        rowClass={(i) => `${lines[i].index >= place.step ? 'future' : ''} ${i === parted ? 'parted' : ''}`}
        onPick={(i, e) => {
          if ((e.target as Element).classList.contains('fold')) toggle(lines[i]);
          else send({ type: 'go', place: { event: place.event, step: lines[i].index + 1 } });
        }}
      />
    </Panel>
  );
}

/** The line of the step in which two kernels part, or what that step is inside of. */
function lineOf(lines: readonly TreeLine[], parts: number | null): number {
  return parts === null || parts < 0 ? -1 : lines.findLastIndex(({ index }) => index <= parts);
}

/** The same event on the kernel beside: it makes the same steps, and waits where the two part. */
export function CallsBeside({ session, other }: ViewProps & { other: Timeline }): JSX.Element {
  const { event } = session.line.place;
  const { place } = session.line;
  const isStill = useStill(`${event} ${session.line.events.length}`);
  const there =
    event < other.length || (event === other.length && other.deathWords !== null && event < other.events.length);
  const detail = there && (place.step > 0 || isStill) ? other.detailAt(event) : null;
  const lines = useMemo(() => (detail === null ? [] : treeOf(detail)), [detail]);
  const made = detail === null ? 0 : session.otherStep;
  const m = session.otherMachine;
  const parts = detail === null ? null : session.partsAt;
  const parted = lineOf(lines, parts);
  const says = parts === null ? '' : parts < 0 ? 'the same steps' : `parts at step ${grouped(parts + 1)}`;
  return (
    <Panel id="beside" title={other.kernel.name} note={m === null ? `died before: ${other.deathWords}` : says}>
      <LongList
        key={event}
        id="beside-call"
        label={`the same event on ${other.kernel.name}`}
        count={m === null ? 0 : lines.length}
        current={detail === null ? -1 : lineAt(lines, detail, made)}
        row={(i) => (m === null ? null : <CallLine kernel={other.kernel} m={m} it={lines[i]} isFolded={false} />)}
        rowClass={(i) => `${lines[i].index >= made ? 'future' : ''} ${i === parted ? 'parted' : ''}`}
      />
    </Panel>
  );
}

const AROUND = 40;

export function Source({ session }: ViewProps): JSX.Element {
  const { line, stepper, carried } = session;
  const { lastStep, frames } = line;
  const place = lastStep === null ? null : stepper.outside.sources.placeOf(lastStep.at.text);
  const text = place === null ? null : stepper.outside.sources.linesOf(place.shown);
  if (place === null || text === null)
    return (
      <Panel id="source" title="Source">
        <p class="hint">Step into the event (s) to see the mirrored function at its line.</p>
      </Panel>
    );
  const inner = frames[frames.length - 1];
  const caller = lastStep?.kind === 'call' ? frames[frames.length - 2] : inner;
  const fn = caller?.step.fn ?? '';
  const path = kernelPathOf(carried, fn);
  const from = Math.max(1, place.line - AROUND);
  const lines = text.slice(from - 1, place.line + AROUND);
  return (
    <Panel
      id="source"
      title={`${place.shown}:${place.line}`}
      note={fn === '' ? '' : path === '' ? fn : `${path}: ${fn}()`}
    >
      <SourceText lines={lines} from={from} at={place.line} />
    </Panel>
  );
}

function SourceText({ lines, from, at }: { lines: readonly string[]; from: number; at: number }): JSX.Element {
  const here = useRef<HTMLSpanElement>(null);
  // WHY not scrollIntoView(): it scrolls the page as well
  useLayoutEffect(() => {
    const it = here.current;
    const box = it?.closest('section.source');
    if (it != null && box != null) box.scrollTop = it.offsetTop - box.clientHeight / 2;
  });
  return (
    <Scroll class="source" label="mirrored source">
      <pre>
        {lines.map((text, i) => (
          <span
            key={from + i}
            class={`${from + i === at ? 'here' : ''} ${/^\s*(\/\/|\/?\*)/.test(text) ? 'comment' : ''}`}
            {...(from + i === at ? { ref: here } : {})}
          >
            <i>{from + i}</i>
            {`${text}\n`}
          </span>
        ))}
      </pre>
    </Scroll>
  );
}

const LONG = 34;

/** What sleeps is told by the functions that it sleeps in, the innermost first. */
function stackText(stack: unknown): string {
  return (stack as { fn: string }[]).map(({ fn }) => fn).join(' ‹ ') || 'empty';
}

export function changeText(value: unknown, path: Change['path'], m: machine): string {
  return path[path.length - 1] === 'kernel_stack' && Array.isArray(value)
    ? stackText(value)
    : valueText(value, path, m);
}

/** A value; long ones in full where the pointer rests. */
export function Value({ text }: { text: string }): JSX.Element {
  return text.length <= LONG ? <span>{text}</span> : <span title={text}>{`${text.slice(0, LONG - 1)}…`}</span>;
}

export function Changes({ session }: ViewProps): JSX.Element {
  const { line } = session;
  const { place } = line;
  const m = line.machine;
  const isStill = useStill(`${place.event} ${line.events.length}`);
  const changes = place.step > 0 || isStill ? session.changes : [];
  const of =
    place.step > 0 ? `by event ${place.event} so far` : place.event > 0 ? `by event ${place.event - 1}` : 'nothing yet';
  const field = ({ path, was, is }: Change, within: number): JSX.Element => (
    <tr key={path.join('.')}>
      <td style={{ paddingLeft: within > 0 ? '14px' : '0' }}>{pathText(path.slice(within)).replace(/^\./, '')}</td>
      <td class="was">
        <Value text={changeText(was, path, m)} />
      </td>
      <td class="is">
        <Value text={changeText(is, path, m)} />
      </td>
    </tr>
  );
  return (
    <Scroll label="what changed">
      <table class="changes">
        <caption>changed {of}</caption>
        {byRecord(changes, m).map(({ path, name, fields }) => (
          <tbody key={path.join('.')}>
            {path.length === 0 ? null : (
              <tr class="record">
                <th colSpan={3} scope="rowgroup">
                  {pathText(path)} {name === '' ? null : <em>{name}</em>}
                </th>
              </tr>
            )}
            {fields.map((it) => field(it, path.length))}
          </tbody>
        ))}
      </table>
    </Scroll>
  );
}
