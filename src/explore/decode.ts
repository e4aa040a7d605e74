// SPDX-License-Identifier: GPL-2.0-only
/**
 * A number becomes an event that is legal in the machine's present state.
 *
 * The same number means another event in another state, so a list of numbers is never recorded: the events are.
 */

import type { World } from '../../properties/vocabulary.js';
import { toNumber } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import type { EventKind, MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { TASK_RUNNING } from '../sched/sched.js';
import { ApicDraws } from './decode-apics.js';
import { Draws } from './draws.js';
import type { Engine } from './engine.js';

const us = 1_000;
const ms = 1_000_000;
const nices = [-20, -19, -10, -5, -1, 0, 0, 1, 5, 10, 18, 19];
/** from the least to the most that cpu.shares takes */
const sharesMenu = [2, 3, 10, 512, 1023, 1024, 1024, 1025, 2048, 10_240, 262_144];
const slices = [0, 100 * us, 100 * us + 1, 700 * us, 2_800 * us, 10 * ms, 99 * ms, 100 * ms];
const vectors = [0x20, 0x31, 0x32, 0xec, 0xfd];
const policies = [0, 0, 0, 3, 5, 1, 2];

/** Lengths of time that code compares with, and their neighbours; everyday ones several times. */
export function advanceMenu(m: machine): number[] {
  const slice = Number(m.sysctl_sched_base_slice);
  const tick = toNumber(m.TICK_NSEC);
  const common = [50 * us, 200 * us, slice >> 1, slice, tick, ms];
  const edges = [1, 1_000, 1_024, slice - 1, slice + 1, 2 * slice, tick - 1, tick + 1];
  const windows = [600 * us, 6 * ms, 50 * ms].flatMap((t) => [t - 1, t, t + 1]);
  return [...common, ...common, ...edges, ...windows, 10 * ms, 100 * ms].filter((ns) => ns > 0);
}

/** What only s390 machines have; a diagnose 0x9c also to a vCPU that there is not. */
function onS390(kind: EventKind, cpu: number, draws: Draws): MachineEvent | null {
  if (kind === 'diag9c') return { ev: kind, cpu, to: draws.below(4) };
  return kind === 'diag44' || kind === 'enabledWait' ? { ev: kind, cpu } : null;
}

/** Decodes for one run: world and menus are looked at once. */
export class Decoder {
  private readonly kinds: EventKind[];
  private readonly weights: number[];
  private readonly sum: number;
  private readonly advances: readonly number[];
  private readonly apics: ApicDraws | null;

  constructor(
    private readonly world: World,
    private readonly engine: Engine,
    m: machine,
    scenario?: Scenario,
  ) {
    const spec = scenario?.apics;
    const own = scenario === undefined ? undefined : world.apics?.(scenario);
    const weights = own?.weights ?? world.weights;
    this.apics = spec === undefined ? null : new ApicDraws(spec, own);
    // a vCPU that halts may poll first, and nothing else ends that
    const halts = weights.hlt ?? weights.wfi ?? weights.enabledWait;
    const all = halts === undefined ? weights : { pollEnd: halts, ...weights };
    this.kinds = Object.keys(all) as EventKind[];
    this.weights = this.kinds.map((kind) => all[kind] ?? 0);
    this.sum = this.weights.reduce((a, b) => a + b, 0);
    this.advances = world.advances ?? advanceMenu(m);
  }

  /** True when programs decide what happens, and numbers do not. */
  get byPrograms(): boolean {
    return this.sum <= 0;
  }

  /**
   * The event for a number. Tries a few kinds and CPUs; when none of them is legal, a little time passes, so that
   * there is always an event.
   */
  event(m: machine, number: number): MachineEvent {
    const draws = new Draws(number);
    for (let attempt = 0; attempt < 8; attempt++) {
      const kind = this.kind(draws);
      for (let again = 0; again < 3; again++) {
        const event = this.candidate(m, kind, draws);
        if (event !== null && this.engine.legal(m, event)) return event;
      }
    }
    return { ev: 'advance', ns: draws.of(this.advances) };
  }

  private kind(draws: Draws): EventKind {
    let at = draws.below(this.sum);
    for (let i = 0; i < this.kinds.length; i++) {
      at -= this.weights[i];
      if (at < 0) return this.kinds[i];
    }
    return this.kinds[0];
  }

  private candidate(m: machine, kind: EventKind, draws: Draws): MachineEvent | null {
    const apic = this.apics?.event(kind, draws) ?? null;
    if (apic !== null) return apic;
    const cpu = m.rq.length === 1 ? 0 : draws.below(m.rq.length);
    switch (kind) {
      case 'advance':
        return { ev: 'advance', ns: draws.of(this.advances) };
      case 'tick':
      case 'resched':
      case 'schedule':
      case 'yield':
      case 'block':
      case 'pause':
      case 'hlt':
      case 'wfi':
      case 'wfe':
      case 'eoi':
      case 'intr':
      case 'step':
      case 'pollEnd':
        return { ev: kind, cpu };
      case 'wfit':
      case 'wfet':
      case 'lpi':
        return this.onArm64(m, kind, cpu, draws);
      case 'yield_to':
        return { ev: 'yield_to', cpu, task: someTask(m, draws) };
      case 'wake': {
        const task = someTask(m, draws);
        // legal for a runnable task as well, but nothing comes of that
        return m.task[task].__state === TASK_RUNNING ? null : { ev: 'wake', cpu, task };
      }
      case 'nice':
        return { ev: 'nice', cpu, task: someTask(m, draws), nice: draws.of(nices) };
      case 'setattr':
        return setattr(m, cpu, draws);
      case 'shares': {
        if (m.task_group.length < 2) return null;
        const group = 1 + draws.below(m.task_group.length - 1);
        return { ev: 'shares', cpu, group, shares: draws.of(sharesMenu) };
      }
      case 'move':
        return { ev: 'move', cpu, task: someTask(m, draws), group: draws.below(m.task_group.length) };
      case 'apicv':
        return { ev: 'apicv', cpu, vm: 0, on: draws.below(2) === 1 };
      case 'cpu_down':
      case 'cpu_up':
        return m.rq.length < 2 ? null : { ev: kind, cpu, target: 1 + draws.below(m.rq.length - 1) };
      case 'store':
      case 'memslot':
      case 'vm_ioctl':
        return this.ofVm(m, kind, draws);
      case 'restore':
        return m.vcpu.length === 0 ? null : { ev: 'restore', vcpu: draws.below(m.vcpu.length) };
      case 'cr8':
        if (m.vcpu.length === 0) return null;
        return { ev: 'cr8', vcpu: draws.below(m.vcpu.length), value: draws.of([0, 0, 0, 2, 3, 15]) };
      case 'knob':
        return this.knob(m, draws);
      case 'wrmsr':
      case 'icr':
      case 'hypercall':
        return this.byGuest(m, kind, cpu, draws) ?? guestEvent(m, kind, cpu, draws);
      default:
        return onS390(kind, cpu, draws) ?? guestEvent(m, kind, cpu, draws);
    }
  }

  /** What only arm64 machines have, with a time or a vCPU. */
  private onArm64(m: machine, kind: 'wfit' | 'wfet' | 'lpi', cpu: number, draws: Draws): MachineEvent | null {
    if (kind !== 'lpi') return { ev: kind, cpu, ns: draws.of(this.advances) };
    if (m.vcpu.length === 0) return null;
    return {
      ev: kind,
      cpu,
      vcpu: draws.below(m.vcpu.length),
      intid: 8192 + draws.below(3),
      direct: draws.below(2) === 1,
    };
  }

  /** What is done to a VM from outside; null where the world says nothing of it. */
  private ofVm(m: machine, kind: 'store' | 'memslot' | 'vm_ioctl', draws: Draws): MachineEvent | null {
    const { stores, ioctls } = this.world;
    if (m.kvm.length === 0) return null;
    const vm = draws.below(m.kvm.length);
    if (kind === 'vm_ioctl')
      return ioctls === undefined ? null : { ev: kind, vm, nr: draws.of(ioctls), arg: draws.of([0, 1, 1, 2]) };
    if (stores === undefined) return null;
    const gpa = draws.of(stores.gpas);
    if (kind === 'store') return { ev: kind, vm, gpa, value: draws.of(stores.values) };
    return { ev: kind, vm, frame: Math.floor(gpa / 4096), there: draws.below(2) === 1 };
  }

  /** What the world says of MSRs, calls and the ICR; null where it says nothing. */
  private byGuest(m: machine, kind: 'wrmsr' | 'icr' | 'hypercall', cpu: number, draws: Draws): MachineEvent | null {
    const { msrs, icrs, hypercalls } = this.world;
    const vcpu = m.kvm_running_vcpu[cpu] ?? -1;
    if (vcpu < 0) return null;
    if (kind === 'icr') {
      if (icrs === undefined) return null;
      return { ev: kind, cpu, low: draws.of(icrs), dest: draws.below(m.kvm[m.vcpu[vcpu].kvm].vcpus.length) };
    }
    if (kind === 'hypercall')
      return hypercalls === undefined ? null : { ev: kind, cpu, ...draws.of(hypercalls), a1: 0, a2: 0, a3: 0 };
    if (msrs === undefined) return null;
    const { msr, low, high } = draws.of(msrs);
    return { ev: kind, vcpu, msr, value: low, high };
  }

  private knob(m: machine, draws: Draws): MachineEvent {
    const knobs = this.world.knobs;
    if (knobs === undefined) {
      return { ev: 'knob', name: draws.of(Object.keys(m.sched_feat)), value: draws.below(2) };
    }
    const name = draws.of(Object.keys(knobs));
    return { ev: 'knob', name, value: draws.of(knobs[name]) };
  }
}

/** Any task but the idle threads. */
function someTask(m: machine, draws: Draws): number {
  const idle = m.rq.length; // boot makes the idle threads first, one a CPU
  const first = m.task.length > idle && m.rq.every((rq) => rq.idle < idle) ? idle : 0;
  return first + draws.below(m.task.length - first);
}

function setattr(m: machine, cpu: number, draws: Draws): MachineEvent {
  const policy = draws.of(policies);
  const realtime = policy === 1 || policy === 2;
  return {
    ev: 'setattr',
    cpu,
    task: someTask(m, draws),
    policy,
    nice: realtime ? 0 : draws.of(nices),
    slice: realtime ? 0 : draws.of(slices),
    priority: realtime ? 1 + draws.below(99) : 0,
  };
}

function guestEvent(m: machine, kind: EventKind, cpu: number, draws: Draws): MachineEvent | null {
  const vcpu = m.kvm_running_vcpu[cpu];
  if (vcpu === undefined || vcpu < 0) return null;
  const peers = m.kvm[m.vcpu[vcpu].kvm].vcpus.length;
  switch (kind) {
    case 'ipi':
      return { ev: 'ipi', cpu, to: draws.below(peers), vector: draws.of(vectors) };
    case 'icr':
      return { ev: 'icr', cpu, low: icrLow(draws), dest: icrDest(draws, peers) };
    case 'cpl':
      return { ev: 'cpl', cpu, cpl: draws.below(2) * 3 };
    case 'if':
      return { ev: 'if', cpu, on: draws.below(2) === 1 };
    case 'hypercall':
      return { ev: 'hypercall', cpu, nr: draws.of([5, 10, 11]), a0: draws.below(peers), a1: 0, a2: 0, a3: 0 };
    default:
      return null;
  }
}

/** Vector, delivery mode fixed (mostly) or lowest priority, destination mode, shorthand. */
function icrLow(draws: Draws): number {
  const vector = draws.of(vectors);
  const delivery = draws.of([0, 0, 0, 1]) << 8;
  const logical = draws.of([0, 0, 1]) << 11;
  const shorthand = draws.of([0, 0, 0, 0, 1, 2, 3]) << 18;
  return vector | delivery | logical | (1 << 14) | shorthand;
}

/** One vCPU by its ID, several by a mask of logical IDs, or all. */
function icrDest(draws: Draws, peers: number): number {
  return draws.of([draws.below(peers), 1 << draws.below(peers), (1 << peers) - 1, 0xff]);
}
