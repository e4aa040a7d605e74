// SPDX-License-Identifier: GPL-2.0-only
/**
 * Replay of sessions with timers.
 *
 * Known of an operation: the guest's TSC before (t0) and after (t1). Not known: when between the two its exit took
 * effect, and whether a timer that expired around it interrupted the guest, which puts it into IRR at once, or the host,
 * where it waits for the guest's next exit. So several copies of the machine are carried along, one for each set of
 * answers; a copy that disagrees with the recording is dropped, and the session differs where the last one is.
 */

import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { s64_toBigInt, toBigInt, u64 } from '../../lib/types.js';
import { advanceTo, injectTimers, type LapicMachine, nextTimer, nsOfTsc } from '../../machine/lapic-machine.js';
import { rebind } from '../../vmlinux/bind.js';
import {
  applyChanges,
  type BesideLapic,
  compareObserved,
  comparePages,
  type Found,
  newBeside,
  type Observed,
  type Pages,
  perform,
} from './lapic-perform.js';
import type { LapicOp, LapicSession } from './lapic-transcript.js';

/**
 * How many copies are carried into a write that multiplies them, how many a read of the current count leaves, and how
 * many there may be at all. A session that seems to differ is tried again with four, then sixteen times as many.
 */
const WIDTH = { before: 200, sorted: 24, most: 16_000 };
const WIDER = [1, 4, 16];
/** Into how many steps the span of a write is divided that starts the count at its moment. */
const STEPS = 12n;
const STEPS_MAX = 512n;

/**
 * A copy of the machine, bound to the same kernel. The VM is shared: in these sessions all copies do the same to it, as
 * the map depends on registers that are as recorded in each of them.
 */
function copyOf(machine: LapicMachine): LapicMachine {
  const m = { ...machine.m, hrtimer: machine.m.hrtimer.map((t) => ({ ...t })), vcpu: machine.m.vcpu.map(copyOfVcpu) };
  return { k: rebind(machine.k, m), m, vcpus: m.vcpu };
}

function copyOfVcpu(vcpu: kvm_vcpu): kvm_vcpu {
  const { arch } = vcpu;
  const apic = { ...arch.apic, lapic_timer: { ...arch.apic.lapic_timer }, regs: arch.apic.regs.slice() };
  const own = {
    exception: { ...arch.exception },
    interrupt: { ...arch.interrupt },
    vmcb: { ...arch.vmcb },
    ioapic_handled_vectors: arch.ioapic_handled_vectors.slice(),
  };
  return { ...vcpu, stat: { ...vcpu.stat }, arch: { ...arch, ...own, apic } };
}

/**
 * What two copies must have in common to be one: everything that the rest of the session depends on. Where the count
 * is about to be started anew, what it was is not among it.
 */
function fingerprint(machine: LapicMachine, count = true): string {
  const vcpu = machine.vcpus[0];
  const t = vcpu.arch.apic.lapic_timer;
  const h = machine.m.hrtimer[t.timer];
  const { sched_clock } = machine.m;
  const common = [toBigInt(sched_clock), t.pending, t.timer_advance_ns, toBigInt(vcpu.requests), vcpu.arch.irq_window];
  if (!count) return common.join();
  return [
    ...common,
    s64_toBigInt(t.target_expiration),
    s64_toBigInt(t.period),
    toBigInt(t.tscdeadline),
    h.queued,
    toBigInt(h.expires),
  ].join();
}

/** Guest TSC to the machine's clock. */
const at = (machine: LapicMachine, tsc: bigint): bigint => toBigInt(nsOfTsc(machine, machine.vcpus[0], u64(tsc)));

/** LAPIC_TIMER_ADVANCE_NS_MAX */
const ADVANCE_MAX = 5000n;

const TMICT = 0x380;
const TMCCT = 0x390;
const TDCR = 0x3e0;

/** Is the current count read after operation i, and before the count is started anew? Then it matters to the ns. */
function countIsRead(ops: readonly LapicOp[], i: number): boolean {
  for (let j = i + 1; j < ops.length; j++) {
    if (ops[j].op === 'mr' && ops[j].a === TMCCT) return true;
    if (ops[j].op === 'mw' && ops[j].a === TMICT) return false;
  }
  return false;
}

/** The divisor that a value written to TDCR selects. */
const divisorOf = (tdcr: number): number => 1 << ((((tdcr & 3) | ((tdcr & 8) >> 1)) + 1) & 7);

/** Does the operation start the count anew, whatever it was? */
const startsCount = (machine: LapicMachine, op: LapicOp): boolean =>
  op.op === 'mw' && op.a === TMICT && !machine.k.apic_lvtt_tscdeadline(machine.vcpus[0].arch.apic);

/** Into how many steps to divide the span of an operation; 1 when the moment does not decide the timer's expiry. */
function steps(machine: LapicMachine, op: LapicOp, exact: boolean): bigint {
  if (startsCount(machine, op)) return op.v === 0n ? 1n : STEPS;
  if (op.op !== 'mw' || op.a !== TDCR) return 1n;
  const apic = machine.vcpus[0].arch.apic;
  const divisor = divisorOf(Number(op.v));
  if (divisor === apic.divide_count || s64_toBigInt(apic.lapic_timer.period) === 0n) return 1n;
  const left = s64_toBigInt(apic.lapic_timer.target_expiration) > toBigInt(machine.m.sched_clock);
  // a count that is over, of what was a one-shot: its periods begin at this moment
  if (!left) return machine.k.apic_lvtt_period(apic) ? STEPS : 1n;
  if (!exact) return STEPS;
  // what remains is multiplied by the new divisor over the old one, and the doubt about it as well
  const fine = STEPS * BigInt(Math.ceil(divisor / apic.divide_count));
  return fine > STEPS_MAX ? STEPS_MAX : fine;
}

/** Does the operation start a count, or arm a deadline? */
const setsTimer = (op: LapicOp): boolean =>
  (op.op === 'mw' && (op.a === TMICT || op.a === TDCR || op.a === 0x320)) || (op.op === 'wrmsr' && op.a === 0x6e0);

/** When the current count was what was read: r * tick to (r + 1) * tick - 1 ns remained, of the period. At least t0. */
function momentOfCount(machine: LapicMachine, op: LapicOp, t0: bigint, t1: bigint): bigint[] {
  const r = op.r ?? 0n;
  const apic = machine.vcpus[0].arch.apic;
  const tick = BigInt(machine.m.kvm[0].arch.apic_bus_cycle_ns * apic.divide_count);
  const target = s64_toBigInt(apic.lapic_timer.target_expiration);
  const period = s64_toBigInt(apic.lapic_timer.period);
  const found: bigint[] = [];
  for (const whole of [0n, -1n, 1n]) {
    for (const within of [tick / 2n, 0n, tick - 1n]) {
      const t = target + whole * period - r * tick - within;
      if (t >= t0 && t <= t1) found.push(t);
    }
  }
  if (r === 0n) found.push(t1);
  found.push(t0);
  return found;
}

/** The moments, in ns, at which the operation may have been done: those that could make a difference. */
function moments(machine: LapicMachine, op: LapicOp, t0: bigint, t1: bigint, exact: boolean): bigint[] {
  const found = new Set<bigint>([t0]);
  const add = (t: bigint): void => {
    if (t >= t0 && t <= t1) found.add(t);
  };
  const n = steps(machine, op, exact);
  for (let i = 1n; n > 1n && i <= n; i++) add(t0 + ((t1 - t0) * i) / n);
  const timer = nextTimer(machine.m);
  if (timer !== null) for (const d of [-1n, 0n, 1n]) add(toBigInt(timer.expires) + d);
  if (op.op === 'wrmsr' && op.a === 0x6e0) {
    add(t1);
    add(at(machine, op.v & 0x7fff_ffff_ffff_ffffn));
  }
  if (op.op === 'mr' && op.a === TMCCT) for (const t of momentOfCount(machine, op, t0, t1)) found.add(t);
  return [...found];
}

/** Does nothing expire until then, and wait for an exit? */
function isQuiet(machine: LapicMachine, until: bigint): boolean {
  const timer = nextTimer(machine.m);
  return machine.vcpus[0].arch.apic.lapic_timer.pending === 0 && (timer === null || toBigInt(timer.expires) > until);
}

/** A machine after an operation, and what the operation gave back. */
interface Tried {
  machine: LapicMachine;
  seen: Observed;
}

/** All that may have happened: one entry a set of answers. */
function* tries(
  before: LapicMachine,
  op: LapicOp,
  untilNext: bigint,
  exact: boolean,
  beside: BesideLapic,
): Iterable<Tried> {
  const t0 = at(before, op.t0 ?? 0n);
  const t1 = at(before, op.t1 ?? 0n);
  if (isQuiet(before, untilNext + ADVANCE_MAX) && !setsTimer(op)) {
    // nothing expires and nothing is counted from here: one course of events, and no copy needed
    const [moment] = op.op === 'mr' && op.a === TMCCT ? momentOfCount(before, op, t0, t1) : [t0];
    advanceTo(before, u64(moment));
    const seen = perform(before, op, beside);
    advanceTo(before, u64(t1));
    yield { machine: before, seen };
    return;
  }
  // KVM tunes by how much a deadline's timer fires early, from delays that nobody recorded
  const slack = before.k.apic_lvtt_tscdeadline(before.vcpus[0].arch.apic) ? ADVANCE_MAX : 0n;
  const start = copyOf(before);
  advanceTo(start, u64(t0));
  const starts = [start];
  if (start.vcpus[0].arch.apic.lapic_timer.pending > 0) {
    // the guest had been entered when it expired, and exited for it
    const early = copyOf(start);
    injectTimers(early, early.vcpus[0]);
    starts.push(early);
  }
  for (const from of starts) {
    for (const moment of moments(from, op, t0, t1, exact)) {
      const machine = copyOf(from);
      const vcpu = machine.vcpus[0];
      const waiting = vcpu.arch.apic.lapic_timer.pending;
      advanceTo(machine, u64(moment));
      if (waiting === 0) injectTimers(machine, vcpu);
      const seen = perform(machine, op, beside);
      advanceTo(machine, u64(t1));
      const pendingAtEnd = vcpu.arch.apic.lapic_timer.pending > 0;
      if (pendingAtEnd) {
        const host = copyOf(machine);
        yield { machine: host, seen };
        injectTimers(machine, vcpu);
      }
      yield { machine, seen };
      // a timer that expires behind t1, and still in the guest
      const timer = nextTimer(machine.m);
      if (timer !== null && toBigInt(timer.expires) < untilNext + slack) {
        const late = copyOf(machine);
        advanceTo(late, timer.expires);
        injectTimers(late, late.vcpus[0]);
        yield { machine: late, seen };
      }
    }
  }
}

/** Keeps at most `width` of them, spread evenly over the timer's expiry. */
function thin(machines: LapicMachine[], width: number): LapicMachine[] {
  if (machines.length <= width) return machines;
  const target = (x: LapicMachine): bigint => s64_toBigInt(x.vcpus[0].arch.apic.lapic_timer.target_expiration);
  machines.sort((a, b) => (target(a) < target(b) ? -1 : target(a) > target(b) ? 1 : 0));
  const kept: LapicMachine[] = [];
  for (let i = 0; i < width; i++) kept.push(machines[Math.floor((i * (machines.length - 1)) / (width - 1))]);
  return kept;
}

/** Replays a timer session from `machine`; null when some course of events agrees with the recording to its end. */
export function replayTimed(
  machine: LapicMachine,
  session: LapicSession,
  pages: Pages,
): { found: Found; op: LapicOp } | null {
  let result: { found: Found; op: LapicOp } | null = null;
  for (const wider of WIDER) {
    result = replayWith(
      copyOf(machine),
      session,
      pages.map((p) => p.slice()),
      wider,
    );
    if (result === null) return null;
  }
  return result;
}

function replayWith(
  machine: LapicMachine,
  session: LapicSession,
  pages: Pages,
  wider: number,
): { found: Found; op: LapicOp } | null {
  let alive = [machine];
  for (let i = 0; i < session.ops.length; i++) {
    const op = session.ops[i];
    applyChanges(pages, op.d);
    const next = session.ops[i + 1]?.t0 ?? null;
    const untilNext = at(machine, next ?? (op.t1 ?? 0n) + 20_000n);
    const exact = countIsRead(session.ops, i);
    const survivors = new Map<string, LapicMachine>();
    let closest: Found | null = null;
    if (startsCount(alive[0], op) && alive.every((one) => isQuiet(one, untilNext))) {
      alive = [...new Map(alive.map((one) => [fingerprint(one, false), one])).values()];
    }
    if (steps(alive[0], op, exact) > 1n) alive = thin(alive, wider * WIDTH.before);
    for (const one of alive) {
      for (const tried of tries(one, op, untilNext, exact, newBeside())) {
        const found = compareObserved(op, tried.seen) ?? comparePages(tried.machine, pages);
        if (found === null) survivors.set(fingerprint(tried.machine), tried.machine);
        else closest ??= found;
      }
    }
    if (survivors.size === 0) {
      return { found: closest ?? { field: 'throw', expected: 'a result', got: 'none', fn: '' }, op };
    }
    alive = thin([...survivors.values()], wider * (op.op === 'mr' && op.a === TMCCT ? WIDTH.sorted : WIDTH.most));
  }
  return null;
}
