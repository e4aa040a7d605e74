// SPDX-License-Identifier: GPL-2.0-only
/** A local APIC: 256 vectors of IRR, ISR and TMR, the priorities that decide among them, its timer; what just changed is marked. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { toBigInt } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import { registerText } from '../report/register-names.js';
import { grouped, Scroll } from './parts.js';
import type { ViewProps } from './run-view.js';

const BANKS = { ISR: 0x100, TMR: 0x180, IRR: 0x200 } as const;
const [TPR, PPR, LVTT, TMICT] = [0x80, 0xa0, 0x320, 0x380];
const MODES = ['one-shot', 'periodic', 'TSC deadline', 'reserved'];

type Regs = readonly number[];

const isSet = (regs: Regs, bank: number, vector: number): boolean =>
  (((regs[(bank >> 2) + ((vector >> 5) << 2)] ?? 0) >>> (vector & 31)) & 1) === 1;

/** The register page as it was before what just changed it. */
function before({ session }: ViewProps, vcpu: number, regs: Regs): Regs {
  const was = [...regs];
  for (const { path, was: value } of session.changes) {
    const [table, index, , , member, word] = path;
    if (table === 'vcpu' && index === vcpu && member === 'regs' && typeof word === 'number') was[word] = Number(value);
  }
  return was;
}

function changedIn({ session }: ViewProps): number {
  const change = session.changes.find(({ path: [table, , , , member] }) => table === 'vcpu' && member === 'regs');
  return change === undefined ? 0 : Number(change.path[1]);
}

export function Lapic(props: ViewProps): JSX.Element {
  const m = props.session.line.machine;
  const [chosen, choose] = useState<number | null>(null);
  // until somebody chooses: whose registers have just changed
  const vcpu = Math.min(chosen ?? changedIn(props), m.vcpu.length - 1);
  const apic = m.vcpu[vcpu]?.arch.apic as { regs: Regs } | null | undefined;
  return (
    <Scroll label="local APIC">
      {m.vcpu.length < 2 ? null : (
        <fieldset class="choose" aria-label="vCPU">
          {m.vcpu.map(({ id }) => (
            <button type="button" key={id} aria-pressed={id === vcpu} onClick={() => choose(id)}>
              {m.task[m.vcpuOfTask.indexOf(id)]?.comm ?? `vCPU ${id}`}
            </button>
          ))}
        </fieldset>
      )}
      {apic === undefined || apic === null || apic.regs === undefined ? (
        <p class="hint">No local APIC in this machine.</p>
      ) : (
        <ApicPage m={m} vcpu={vcpu} regs={apic.regs} was={before(props, vcpu, apic.regs)} />
      )}
    </Scroll>
  );
}

function ApicPage({ m, vcpu, regs, was }: { m: machine; vcpu: number; regs: Regs; was: Regs }): JSX.Element {
  const hex = (n: number): string => `0x${(n >>> 0).toString(16).padStart(2, '0')}`;
  const set = (name: keyof typeof BANKS): string => {
    const vectors = [...Array(256).keys()].filter((v) => isSet(regs, BANKS[name], v));
    return vectors.length === 0 ? 'none' : vectors.map(hex).join(' ');
  };
  const changed = (offset: number): string => (regs[offset >> 2] === was[offset >> 2] ? '' : 'is');
  const others = [...regs.keys()]
    .map((i) => i << 2)
    .filter((it) => (regs[it >> 2] !== 0 || changed(it) !== '') && (it < 0x100 || it >= 0x280))
    .filter((it) => ![TPR, PPR, LVTT, TMICT].includes(it));
  return (
    <>
      <Vectors regs={regs} was={was} />
      <dl class="bits">
        {(Object.keys(BANKS) as (keyof typeof BANKS)[]).map((name) => (
          <div key={name}>
            <dt class={name.toLowerCase()}>{name}</dt>
            <dd>{set(name)}</dd>
          </div>
        ))}
        <div>
          <dt>PPR</dt>
          <dd class={changed(PPR)}>
            {hex(regs[PPR >> 2])}: vectors from {hex(((regs[PPR >> 2] & 0xf0) + 0x10) & 0x1ff)} get through
          </dd>
        </div>
        <div>
          <dt>TPR</dt>
          <dd class={changed(TPR)}>{hex(regs[TPR >> 2])}</dd>
        </div>
        <div>
          <dt>timer</dt>
          <dd class={changed(LVTT)}>{timerText(m, vcpu, regs)}</dd>
        </div>
        {others.map((offset) => (
          <div key={offset}>
            <dt>{registerText(offset)}</dt>
            <dd class={changed(offset)}>{hex(regs[offset >> 2])}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function timerText(m: machine, vcpu: number, regs: Regs): string {
  const { lapic_timer } = m.vcpu[vcpu].arch.apic;
  const lvtt = regs[LVTT >> 2];
  const mode = MODES[(lvtt >> 17) & 3];
  const masked = (lvtt & 0x10000) !== 0 ? ', masked' : '';
  const timer = lapic_timer.timer >= 0 ? m.hrtimer[lapic_timer.timer] : undefined;
  const left =
    timer !== undefined && timer.queued !== 0
      ? `, in ${grouped(toBigInt(timer.expires) - toBigInt(m.sched_clock))} ns`
      : '';
  const hv = lapic_timer.hv_timer_in_use ? ', on the preemption timer' : '';
  const pending = lapic_timer.pending > 0 ? `, ${lapic_timer.pending} pending` : '';
  return `${mode}, vector 0x${(lvtt & 0xff).toString(16)}${masked}${left === '' && hv === '' ? ', not armed' : left}${hv}${pending}`;
}

const NIBBLES = [...Array(16).keys()];

/** A row for each priority class, the highest on top. */
function Vectors({ regs, was }: { regs: Regs; was: Regs }): JSX.Element {
  const ppr = (regs[PPR >> 2] >> 4) & 0xf;
  const tpr = (regs[TPR >> 2] >> 4) & 0xf;
  return (
    <table class="vectors">
      <caption>
        <span class="key irr">IRR</span> <span class="key isr">ISR</span> <span class="key tmr">TMR</span>{' '}
        <span class="key changed">just changed</span> rows at or below PPR wait
      </caption>
      <thead>
        <tr>
          <td />
          {NIBBLES.map((low) => (
            <th key={low} scope="col">
              {low.toString(16)}
            </th>
          ))}
          <td />
        </tr>
      </thead>
      <tbody>
        {[...NIBBLES].reverse().map((high) => (
          <tr key={high} class={high <= ppr ? 'held' : ''}>
            <th scope="row">{high.toString(16)}0</th>
            {NIBBLES.map((low) => (
              <Vector key={low} regs={regs} was={was} vector={high * 16 + low} />
            ))}
            <td class="prio">
              {high === ppr ? '◂ PPR ' : ''}
              {high === tpr ? '◂ TPR' : ''}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Vector({ regs, was, vector }: { regs: Regs; was: Regs; vector: number }): JSX.Element {
  const banks = Object.entries(BANKS);
  const on = banks.filter(([, bank]) => isSet(regs, bank, vector)).map(([name]) => name);
  const turned = banks.some(([, bank]) => isSet(regs, bank, vector) !== isSet(was, bank, vector));
  const says =
    on.length === 0 && !turned ? undefined : `0x${vector.toString(16)} ${on.join(' ')}${turned ? ' changed' : ''}`;
  return (
    <td class={`${on.map((it) => it.toLowerCase()).join(' ')} ${turned ? 'changed' : ''}`} title={says}>
      {says === undefined ? null : <span class="sr">{says}</span>}
    </td>
  );
}
