// SPDX-License-Identifier: GPL-2.0-only
/** pvsched v3, part by part: budgets, what the policy makes of a page, who is attached. */
import { describe, expect, it } from 'vitest';
import type { guest_memory } from '../../src/kvm/guest-memory.js';
import { loadWord, storeWord } from '../../src/kvm/guest-memory.js';
import { toNumber, U64_MAX, u64 } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import type { machine } from '../../src/machine/state.js';
import type { VmSpec } from '../../src/scenario/scenario.js';
import { SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL } from '../../src/sched/sched.js';
import type { pvsched_runtime_accounting } from '../../src/series/pvsched-v3/0001-pvsched-budgets-as-debt.js';
import { MSR_PVSCHED_DOORBELL } from '../../src/series/pvsched-v3/0006-pvsched-attach-a-page-of-a-guest.js';
import type { pvsched_v3 } from '../../src/series/pvsched-v3/adds.js';
import { kernelByName } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';

const PAGE = 0x4000;
const HEADER = 0x1_0000_0001;
const NAME = 0x746c_7561_6665;

function bench(vm: Partial<VmSpec> = {}, knobs: Record<string, number> = {}) {
  const kernel = kernelByName('pvsched-v3');
  const m: machine = boot(kernel, {
    cpus: 1,
    knobs,
    tasks: [{ comm: 'host' }],
    vms: [{ name: 'vm', vcpus: 1, memory: true, ...vm }],
  });
  const k = bind(kernel, m) as pvsched_v3;
  const memory = m.guest[0].memory as guest_memory;
  const [v] = m.vcpu;
  const word = (at: number): number => toNumber(loadWord(memory, PAGE + at));
  const write = (at: number, value: number): void => storeWord(memory, PAGE + at, u64(value));
  const ring = (gpa: number): void =>
    apply(k, { ev: 'wrmsr', vcpu: 0, msr: MSR_PVSCHED_DOORBELL, value: gpa, high: 0 });
  apply(k, { ev: 'schedule', cpu: 0 });
  for (let i = 0; v.pid < 0 || m.rq[0].curr !== v.pid; i++) {
    if (i > 20) throw new Error('the vCPU does not run');
    apply(k, { ev: 'advance', ns: 4_000_000 });
    apply(k, { ev: 'tick', cpu: 0 });
  }
  return { m, k, v, word, write, ring, exit: () => apply(k, { ev: 'intr', cpu: 0 }) };
}

function attached(knobs: Record<string, number> = {}) {
  const b = bench({}, knobs);
  b.write(0, HEADER);
  b.write(8, NAME);
  b.ring(PAGE);
  return b;
}

describe('budgets', () => {
  const accounting = (k: pvsched_v3, cs: number, generic: number): pvsched_runtime_accounting =>
    k.pvsched_runtime_accounting_init(u64(cs), u64(generic), u64(0)) as pvsched_runtime_accounting;

  it('are throttled at their limit, and until no debt is left', () => {
    const { k } = bench();
    const a = accounting(k, 100, 1000);
    k.pvsched_accounting_update(a, u64(100), 1);
    expect([toNumber(a.cs.debt_ns), a.cs.throttled, a.generic.throttled]).toEqual([100, true, false]);
    k.pvsched_accounting_update(a, u64(99), 2);
    expect([toNumber(a.cs.debt_ns), a.cs.throttled, toNumber(a.generic.debt_ns)]).toEqual([1, true, 199]);
    k.pvsched_accounting_update(a, u64(1), 0);
    expect([toNumber(a.cs.debt_ns), a.cs.throttled, toNumber(a.generic.debt_ns)]).toEqual([0, false, 198]);
    expect(k.pvsched_runtime_accounting_init(u64(0), u64(1), u64(0))).toBeNull();
  });

  it('saturate', () => {
    const { k } = bench();
    const a = accounting(k, 100, 1000);
    k.pvsched_budget_charge(a.cs, U64_MAX);
    k.pvsched_budget_charge(a.cs, u64(5));
    expect(a.cs.debt_ns).toBe(U64_MAX);
  });

  it('take of a stretch on the host the order that is worst', () => {
    const { k } = bench();
    const a = accounting(k, 100, 1000);
    a.cs.debt_ns = u64(60);
    // 50 on the CPU after 500 off it would be no matter; before them it is the limit
    k.pvsched_runtime_budget_settle(a.cs, u64(500), u64(50));
    expect([toNumber(a.cs.debt_ns), a.cs.throttled]).toEqual([50, true]);
  });
});

describe('the default policy', () => {
  const { k } = bench();
  const intent = (policy: number, nice: number, prio: number): number =>
    policy + (nice & 0xff) * 0x100 + prio * 0x1_0000;
  const page = (task_intent: number, cs = 0) => ({
    task_intent: u64(task_intent),
    cs_state: u64(cs),
    interrupt_ack: u64(0),
    reserved: false,
  });
  const pending = (desc: number): number => desc * 0x100_0000 + 2 ** 48;

  it('maps', () => {
    const select = (desc: number, cs = 0) => k.pvsched_default_policy_select(0, page(desc, cs), false, false);
    expect(select(intent(1, 0, 99))).toEqual({ sched_policy: SCHED_FIFO, nice: 0, rt_prio: 50 });
    expect(select(intent(2, 0, 7))).toEqual({ sched_policy: SCHED_FIFO, nice: 0, rt_prio: 7 });
    expect(select(intent(6, 0, 0))).toEqual({ sched_policy: SCHED_FIFO, nice: 0, rt_prio: 50 });
    expect(select(intent(3, -5, 0))).toEqual({ sched_policy: SCHED_NORMAL, nice: -5, rt_prio: 0 });
    expect(select(intent(5, 0, 0))).toEqual({ sched_policy: SCHED_IDLE, nice: 0, rt_prio: 0 });
    expect(select(intent(5, 0, 0), 4)).toEqual({ sched_policy: SCHED_FIFO, nice: 0, rt_prio: 60 });
  });

  it('takes a pending task only if that is more urgent, and lets nobody rise when throttled', () => {
    const of = (word: number, throttled: boolean) => k.pvsched_default_policy_select(0, page(word), false, throttled);
    expect(of(intent(0, 5, 0) + pending(intent(1, 0, 3)), false).rt_prio).toBe(3);
    expect(of(intent(0, 5, 0) + pending(intent(0, 6, 0)), false).nice).toBe(5);
    expect(of(intent(0, 5, 0) + pending(intent(1, 0, 3)), true)).toEqual({
      sched_policy: SCHED_NORMAL,
      nice: 0,
      rt_prio: 0,
    });
    expect(of(intent(0, 5, 0), true).nice).toBe(5);
    expect(of(intent(0, -5, 0), true).nice).toBe(0);
  });

  it('believes no page that breaks the rules', () => {
    const valid = (word: number, cs = 0): boolean => k.pvsched_default_guest_valid(page(word, cs));
    expect([valid(0), valid(intent(1, 0, 99)), valid(0, 15)]).toEqual([true, true, true]);
    for (const bad of [
      7,
      intent(1, 0, 0),
      intent(1, 0, 100),
      intent(0, 20, 0),
      intent(0, 0, 1),
      2 ** 50,
      intent(0, 1, 0) * 0x100_0000,
    ])
      expect(valid(bad), String(bad)).toBe(false);
    expect(valid(0, 16)).toBe(false);
  });
});

describe('a page', () => {
  it('is attached when it asks for what there is, and says so', () => {
    const b = attached();
    expect([b.word(48), b.v.pvsched?.active]).toEqual([HEADER, true]);
    b.ring(0);
    expect([b.word(48) % 2 ** 32, b.v.pvsched?.active]).toEqual([0, false]);
  });

  it.each([
    ['no version', 0, NAME, 0, 3],
    ['another version', 2 + 2 ** 32, NAME, 0, 3],
    ['another policy', HEADER, 0x61, 0, 2],
    ['no policy', HEADER, 0, 0, 0],
    ['a later version of the policy', 1 + 2 * 2 ** 32, NAME, 0, 4],
    ['another protocol', HEADER, NAME, 1, 5],
    ['policy mode', HEADER, NAME, 2 ** 32, 6],
  ])('is refused with %s', (_what, header, name, protocol, status) => {
    const b = bench();
    b.write(0, header);
    b.write(8, name);
    b.write(40, protocol);
    b.ring(PAGE);
    expect([b.word(48) % 2 ** 32, b.v.pvsched]).toEqual([status, undefined]);
  });

  it('is not served for a thread that is real-time for good, nor where there is no pvsched', () => {
    for (const b of [bench({ policy: 'rr', rt_priority: 8 }), bench({}, { pvsched: 0 })]) {
      b.write(0, HEADER);
      b.write(8, NAME);
      b.ring(PAGE);
      expect(b.v.pvsched).toBeUndefined();
    }
  });

  it('boosts by what it says at an exit; the budget ends that by a timer', () => {
    const b = attached({ cs_budget_us: 300 });
    b.write(72, 4);
    b.exit();
    const thread = b.m.task[b.v.pid];
    expect([thread.policy, thread.rt_priority, b.word(128)]).toEqual([SCHED_FIFO, 60, 2 * 2 ** 40 + 2 ** 24]);
    apply(b.k, { ev: 'advance', ns: 299_999 });
    expect(thread.policy).toBe(SCHED_FIFO);
    apply(b.k, { ev: 'advance', ns: 1 });
    expect([thread.policy, b.v.pvsched?.accounting.cs.throttled]).toEqual([SCHED_NORMAL, true]);
    expect(b.word(128)).toBe(2 ** 32 + 2 ** 24);
  });

  it('loses a thread that an administrator changes', () => {
    const b = attached();
    b.write(64, 1 + 20 * 0x1_0000);
    b.exit();
    expect(b.m.task[b.v.pid].rt_priority).toBe(20);
    apply(b.k, { ev: 'setattr', cpu: 0, task: b.v.pid, policy: 2, nice: 0, slice: 0, priority: 9 });
    b.exit();
    expect([b.v.pvsched?.active, b.m.task[b.v.pid].rt_priority, b.word(48) % 2 ** 32]).toEqual([false, 9, 0]);
  });
});
