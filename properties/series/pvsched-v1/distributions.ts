// SPDX-License-Identifier: GPL-2.0-only
/** B1, B3, B4 and B8 as distributions over runs: the guests of the catalogue on a kernel, or with vCPUs that are real-time for good. */
import type { Program } from '../../../src/guest/instructions.js';
import { LOCAL_TIMER_VECTOR } from '../../../src/lib/irq_vectors.js';
import { toNumber } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { boot } from '../../../src/machine/boot.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { machine } from '../../../src/machine/state.js';
import { guestCatalogue } from '../../../src/scenario/catalogue-guests.js';
import type { Scenario, TaskSpec } from '../../../src/scenario/scenario.js';
import type { trace_event } from '../../../src/trace/trace-event.js';
import { bind, type Kernel } from '../../../src/vmlinux/bind.js';
import { US } from '../../arbitraries.js';
import type { Distributions } from '../../vocabulary.js';
import { guestState, inGuest, isRealTime, now, ranOf } from './monitors.js';
import { Outcome } from './outcome.js';

/** Runs of each scenario: what its guest computes and sleeps is some per mille longer in each. */
const VARIATIONS = [0, 7];
const EVENTS_MAX = 30_000;

/** Interrupts that were accepted for a vCPU, and when, ns. */
class Open {
  readonly waits: number[] = [];
  private readonly since = new Map<string, number>();

  heard({ event, vm, fields }: trace_event, at: number): void {
    if (vm !== undefined || event !== 'kvm_apic_accept_irq') return;
    const key = `${fields['apicid']} ${fields['vec']}`;
    // of the timer it is only said at the entry; how late it is says B1
    if (Number(fields['vec']) !== LOCAL_TIMER_VECTOR && !this.since.has(key)) this.since.set(key, at);
  }

  look(m: machine, at: number): void {
    if (this.since.size === 0) return;
    for (const v of m.vcpu) {
      for (const { kind, vector } of m.guest[v.kvm].os?.cpu[v.vcpu_idx].contexts ?? []) {
        const key = `${v.vcpu_id} ${vector}`;
        const since = kind === 'irq' ? this.since.get(key) : undefined;
        if (since === undefined) continue;
        this.waits.push(at - since);
        this.since.delete(key);
      }
    }
  }
}

/** Tasks of the catalogue's guests that are in a hurry. */
const URGENT = ['audio', 'cyclictest', 'rt'];

/** How late they end what they have woken for: ns from the end of their sleep to the next, less what they had of the CPU. */
class Late {
  readonly waits: number[] = [];
  private readonly turns = new Map<number, { due: number; ran: number }>();

  look(m: machine, at: number): void {
    for (const { os } of m.guest) {
      if (os === undefined) continue;
      for (const p of os.m.task) {
        const wakeAt = URGENT.includes(p.comm) ? (os.m.actor[p.id]?.wakeAt ?? -1) : -1;
        if (wakeAt < 0) continue;
        const due = wakeAt - toNumber(m.bootClock);
        const turn = this.turns.get(p.id);
        if (turn?.due === due) continue;
        const ran = ranOf(os.m, p.id);
        if (turn !== undefined) this.waits.push(at - turn.due - (ran - turn.ran));
        this.turns.set(p.id, { due, ran });
      }
    }
  }
}

/** ns in which a vCPU is real-time while a fair task of its guest runs in user mode. */
class Leaked {
  ns = 0;
  private last = 0;
  private leaks = 0;

  look(m: machine, at: number): void {
    this.ns += this.leaks * (at - this.last);
    this.last = at;
    this.leaks = m.vcpu.filter((v) => {
      const state = inGuest(m, v) && isRealTime(m, v) ? guestState(m, v) : null;
      return state?.plain === true && state.user && state.fair;
    }).length;
  }
}

const longer = (program: Program, perMille: number): Program =>
  program.map((it) =>
    it.op === 'compute' || it.op === 'sleep' ? { ...it, ns: Math.round((it.ns * (1000 + perMille)) / 1000) } : it,
  );

function varied(scenario: Scenario, perMille: number, isStatic: boolean): Scenario {
  const task = (it: TaskSpec): TaskSpec =>
    it.program === undefined ? it : { ...it, program: longer(it.program, perMille) };
  return {
    ...scenario,
    knobs: { kvm_pv_sched: isStatic ? 0 : 1 },
    vms: (scenario.vms ?? []).map((vm) => ({
      ...vm,
      ...(isStatic ? ({ policy: 'rr', rt_priority: 8 } as const) : {}),
      ...(vm.kernel === undefined ? {} : { kernel: { ...vm.kernel, tasks: vm.kernel.tasks.map(task) } }),
    })),
  };
}

function run(kernel: Kernel, scenario: Scenario): number[][] {
  const m = boot(kernel, scenario);
  const open = new Open();
  const leaked = new Leaked();
  const outcome = new Outcome();
  const late = new Late();
  const k = bind(kernel, m, (event) => open.heard(event, now(m)));
  for (let i = 0; i < EVENTS_MAX && now(m) < (scenario.until ?? 0); i++) {
    const event = nextEvent(m);
    if (event === null) break;
    apply(k, event);
    const at = now(m);
    outcome.look(m);
    open.look(m, at);
    leaked.look(m, at);
    late.look(m, at);
  }
  const busy = (scenario.tasks ?? []).length > 0;
  return [late.waits, [leaked.ns], busy ? [outcome.longestWait] : [], open.waits].map((all) =>
    all.map((ns) => Math.round(ns / US)),
  );
}

/** Row by row, us. */
export function samplesOf(kernel: Kernel, isStatic: boolean, scenarios: readonly Scenario[]): number[][] {
  const all: number[][] = [[], [], [], []];
  for (const scenario of scenarios) {
    for (const perMille of VARIATIONS) {
      for (const [i, found] of run(kernel, varied(scenario, perMille, isStatic)).entries()) all[i].push(...found);
    }
  }
  return all;
}

export const distributions: Distributions = {
  says: `${guestCatalogue.length} guests of the catalogue, ${VARIATIONS.length} runs each, us`,
  rows: [
    'B1: an urgent task ends late',
    'B3: real-time for nothing, a run',
    'B4: longest wait of a host task, a run',
    'B8: from an IPI to its handler',
  ],
  of: (kernel, isStatic) => samplesOf(kernel, isStatic, guestCatalogue),
};
