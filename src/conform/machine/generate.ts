// SPDX-License-Identifier: GPL-2.0-only
/** Random machines with guests, and what happens to them: drawn event by event, since the state says what may happen. */
import { MSR_IA32_TSC_DEADLINE } from '../../lapic/apicdef.js';
import { legal } from '../../machine/event-table.js';
import { nextEvent } from '../../machine/next-event.js';
import type { machine } from '../../machine/state.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { GroupSpec, Scenario, TaskSpec, VmSpec } from '../../scenario/scenario.js';
import { SCHED_FIFO, SCHED_RR } from '../../sched/sched.js';
import { WITHOUT } from './operations.js';

/** 32 bits */
type Random = () => number;
type Instruction = Record<string, unknown> & { op: string };

/** Guests whose every step is drawn, and guests that run programs. */
export const KINDS = ['acting', 'programs'] as const;
export type Kind = (typeof KINDS)[number];

/** ns: about the halt-polling window, ticks and slices */
const WAITS = [0, 0, 500, 3000, 10_000, 20_000, 50_000, 150_000, 200_000, 700_000, 1_000_000, 3_000_000, 8_000_000];
const NICES = [-20, -5, 0, 0, 0, 5, 19];
const VECTORS = [0x31, 0x41, 0x42, 0x80, 0xef];
/** SCHED_NORMAL most of the time, FIFO, RR, BATCH, IDLE */
const POLICIES = [0, 0, 0, 0, 1, 2, 3, 5];
/** KVM_HC_KICK_CPU, _SEND_IPI, _SCHED_YIELD, and one that does not exist */
const HYPERCALLS = [5, 10, 11, 11, 11, 99];

export class Draw {
  constructor(readonly random: Random) {}

  below(n: number): number {
    return this.random() % n;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  once(n: number): boolean {
    return this.below(n) === 0;
  }
}

function program(d: Draw, vcpus: number): Instruction[] {
  const ops: Instruction[] = [{ op: 'compute', ns: 1 + d.of([500, 5000, 20_000, 100_000, 1_500_000]) }];
  const other = (): number => d.below(vcpus);
  for (let n = 1 + d.below(4); n > 0; n--) {
    switch (d.below(7)) {
      case 0:
      case 1: {
        const lock = d.below(2);
        ops.push({ op: 'lock', lock }, { op: 'compute', ns: d.of([1000, 20_000, 300_000]) }, { op: 'unlock', lock });
        break;
      }
      case 2:
        ops.push({ op: 'ipi', to: other(), vector: d.of(VECTORS) });
        break;
      case 3:
        ops.push({ op: 'ipi', to: other(), vector: d.of(VECTORS) }, { op: 'waitAck' });
        break;
      case 4:
        ops.push({ op: 'timer', ns: d.of([3000, 50_000, 400_000]), vector: 0xec }, { op: 'hlt' });
        break;
      case 5:
        ops.push({ op: 'user' }, { op: 'compute', ns: d.of([2000, 200_000]) }, { op: 'kernel' });
        break;
      default:
        ops.push({ op: 'pause' });
    }
  }
  return ops;
}

/** One CPU a thread, or all of them. */
const allowed = (d: Draw, cpus: number, n: number): number[][] | undefined =>
  d.once(2) ? undefined : Array.from({ length: n }, () => [d.below(cpus)]);

/** A machine of so many CPUs: one or two VMs, a few tasks beside them, with or without groups. */
export function drawScenario(random: Random, kind: Kind, cpus: number): Scenario {
  const d = new Draw(random);
  const groups: GroupSpec[] = d.once(3)
    ? [{ name: 'a', shares: d.of([2, 512, 1024, 8192]) }, ...(d.once(2) ? [{ name: 'b', parent: 'a' }] : [])]
    : [];
  const group = (): { group?: string } => (groups.length > 0 && !d.once(3) ? { group: d.of(groups).name } : {});
  const tasks = Array.from(
    { length: d.below(3) },
    (_, i): TaskSpec => ({
      comm: `task${i}`,
      nice: d.of(NICES),
      ...(d.once(2) ? { cpus: [d.below(cpus)] } : {}),
      ...group(),
      ...(kind === 'programs'
        ? {
            program: [
              { op: 'compute', ns: d.of([30_000, 2_000_000]) },
              d.once(2) ? { op: 'sleep', ns: d.of([20_000, 900_000]) } : { op: 'yield' },
            ],
          }
        : {}),
    }),
  );
  const vms = Array.from({ length: 1 + Number(d.once(4)) }, (_, i): VmSpec => {
    const vcpus = 1 + d.below(4);
    const pinned = allowed(d, cpus, vcpus);
    return {
      name: `vm${i}`,
      vcpus,
      vendor: 'vmx',
      nice: d.once(4) ? d.of(NICES) : 0,
      x2apic: !d.once(4),
      ...(pinned === undefined ? {} : { cpus: pinned }),
      ...group(),
      ...(kind === 'programs'
        ? {
            lockKind: d.once(2) ? 'ticket' : 'tas',
            handler_ns: d.of([1000, 30_000]),
            programs: Array.from({ length: vcpus }, () => program(d, vcpus)) as unknown as NonNullable<
              VmSpec['programs']
            >,
          }
        : d.once(5)
          ? { halted: true }
          : {}),
    };
  });
  const knobs: Record<string, number> = { ...WITHOUT };
  if (d.once(3)) knobs['halt_poll_ns'] = d.of([0, 5000, 50_000, 1_000_000]);
  if (d.once(4)) knobs['halt_poll_ns_grow'] = d.of([0, 1, 3]);
  if (d.once(4)) knobs['halt_poll_ns_grow_start'] = d.of([0, 1000, 60_000]);
  if (d.once(4)) knobs['halt_poll_ns_shrink'] = d.of([0, 1, 3]);
  return {
    cpus,
    hz: 1000,
    base_slice: d.of([700_000, 1_400_000, 2_800_000]),
    knobs,
    ...(groups.length > 0 ? { groups } : {}),
    tasks,
    vms,
  };
}

/** Something that could happen, legal or not. */
function anyEvent(d: Draw, m: machine): MachineEvent {
  const cpu = d.below(m.rq.length);
  const task = m.rq.length + d.below(m.task.length - m.rq.length);
  switch (d.below(29)) {
    case 0:
    case 1:
    case 2:
      return { ev: 'pause', cpu };
    case 3:
    case 4:
    case 5:
      return { ev: 'hlt', cpu };
    case 6:
    case 7:
    case 8:
      return { ev: 'ipi', cpu, to: d.below(4), vector: d.of(VECTORS) };
    case 9:
    case 10:
      return { ev: 'eoi', cpu };
    case 11:
      return { ev: 'cpl', cpu, cpl: d.of([0, 3]) };
    case 12:
      return { ev: 'if', cpu, on: !d.once(3), shadow: d.once(4) };
    case 13:
      return { ev: 'intr', cpu };
    case 14:
      return { ev: 'pollEnd', cpu };
    case 15:
      return { ev: 'hypercall', cpu, nr: d.of(HYPERCALLS), a0: d.below(4), a1: d.below(4), a2: 0, a3: 0 };
    case 16:
      return { ev: 'yield', cpu };
    case 17:
      return { ev: 'yield_to', cpu, task };
    case 18:
      return { ev: 'block', cpu, state: d.of(['S', 'S', 'D']) };
    case 19:
      return { ev: 'wake', cpu, task };
    case 20:
      return { ev: 'nice', cpu, task, nice: d.of(NICES) };
    case 21:
      return { ev: 'icr', cpu, low: d.of([0x4_0031, 0x8_0041, 0xc_0041, 0x0_0400, 0x0_0042]), dest: d.below(5) };
    case 22: {
      const vcpu = d.below(Math.max(1, m.vcpu.length));
      return { ev: 'wrmsr', vcpu, ...timerWrite(d, m) };
    }
    case 23:
      return { ev: 'schedule', cpu };
    case 24: {
      const policy = d.of(POLICIES);
      const priority = policy === SCHED_FIFO || policy === SCHED_RR ? 1 + d.below(3) : 0;
      return { ev: 'setattr', cpu, task, policy, priority, nice: d.of(NICES), slice: d.of([0, 0, 100_000, 3_000_000]) };
    }
    case 25:
      return { ev: 'shares', cpu, group: d.below(3), shares: d.of([2, 512, 1024, 8192]) };
    case 26:
      return { ev: 'move', cpu, task, group: d.below(m.task_group.length) };
    default:
      return { ev: 'tick', cpu };
  }
}

/** A register of its timer: LVTT, the count, or the deadline, by x2APIC MSR. */
function timerWrite(d: Draw, m: machine): { msr: number; value: number; high: number } {
  if (d.once(3)) return { msr: 0x832, value: d.of([0xec, 0x2_00ec, 0x4_00ec]), high: 0 };
  if (d.once(2)) return { msr: 0x838, value: d.of([0, 1000, 100_000]), high: 0 };
  const at = BigInt(Math.floor((Number(m.sched_clock) + d.of(WAITS)) * 2));
  return { msr: MSR_IA32_TSC_DEADLINE, value: Number(at & 0xffff_ffffn), high: Number(at >> 32n) };
}

const TRIES = 40;

/** The next thing to happen: always legal. */
export function drawEvent(random: Random, m: machine, kind: Kind): MachineEvent {
  const d = new Draw(random);
  if (kind === 'programs' && !d.once(12)) {
    const next = nextEvent(m);
    if (next !== null) return next;
  }
  if (d.once(4)) return { ev: 'advance', ns: d.of(WAITS) };
  for (let i = 0; i < TRIES; i++) {
    const event = anyEvent(d, m);
    if (legal(m, event)) return event;
  }
  return { ev: 'advance', ns: d.of(WAITS) };
}
