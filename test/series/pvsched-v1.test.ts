// SPDX-License-Identifier: GPL-2.0-only
/** Each patch of pvsched-v1 does what its mail says and what its code does instead. */
import { describe, expect, it } from 'vitest';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { type guest_memory, loadWord } from '../../src/kvm/guest-memory.js';
import { APIC_DM_NMI, APIC_DM_REMRD, APIC_DM_SMI } from '../../src/lapic/apicdef.js';
import { EINVAL } from '../../src/lib/errno.js';
import { toBigInt, toNumber, u64 } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { nextEvent } from '../../src/machine/next-event.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { GuestKernelSpec, Scenario, VmSpec } from '../../src/scenario/scenario.js';
import { SCHED_FIFO, SCHED_NORMAL, SCHED_RR, type task_struct } from '../../src/sched/sched.js';
import type { pvsched } from '../../src/series/pvsched-v1/adds.js';
import { kernelByName } from '../../src/series/registry.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind } from '../../src/vmlinux/bind.js';

const US = 1_000;
const MS = 1_000_000;
const MSR = 0x4b564da0;
const PAGE = 0x2000;
const [DISABLED, NORMAL, BOOSTED] = [0, 1, 2];
const [UNBOOST, BOOST] = [1, 2];
const REQUEST = 1n << 6n;

interface Bench {
  m: machine;
  k: pvsched;
  traces: trace_event[];
  v: kvm_vcpu;
  t: task_struct;
  does(...events: MachineEvent[]): void;
  /** WRMSR of the guest: an exit */
  wrmsr(value: number, high?: number): void;
  /** an exit that asks for nothing */
  exit(): void;
  /** what the guest writes to the page: request, and whether preemption is disabled */
  asks(request: number, preemptDisabled?: number): void;
  /** the status in the page */
  page(): number;
  status(): number | undefined;
}

/** One vCPU without programs, which is in the guest; a host task waits for its CPU if asked. */
function bench(kernel: string, vm: Partial<VmSpec> = {}, rest: Partial<Scenario> = {}): Bench {
  const m = boot(kernelByName(kernel), {
    cpus: 1,
    vms: [{ name: 'vm', vcpus: 1, memory: true, ...vm }],
    ...rest,
  });
  const traces: trace_event[] = [];
  const k = bind(kernelByName(kernel), m, (event) => traces.push(event)) as pvsched;
  const memory = m.guest[0].memory as guest_memory;
  const [v] = m.vcpu;
  const does = (...events: MachineEvent[]): void => {
    for (const event of events) apply(k, event);
  };
  return {
    m,
    k,
    traces,
    v,
    // the thread is known from its first KVM_RUN on
    get t() {
      return m.task[v.pid];
    },
    does,
    wrmsr: (value, high = 0) => does({ ev: 'wrmsr', vcpu: 0, msr: MSR, value, high }),
    exit: () => does({ ev: 'intr', cpu: 0 }),
    asks: (request, off = 0) => does({ ev: 'store', vm: 0, gpa: PAGE + 8, value: request + 256 * off }),
    page: () => toNumber(loadWord(memory, PAGE)),
    status: () => v.arch.pv_sched?.boost,
  };
}

const printed = (b: Bench): number => b.traces.filter((t) => t.system === 'printk').length;

describe('patch 1, the MSR', () => {
  const name = 'pvsched-v1~1';

  it('takes an address with bit 0, and publishes at the next entry', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    expect(toNumber(b.v.arch.pv_sched!.msr_val)).toBe(PAGE | 1);
    expect([b.status(), b.page()]).toEqual([NORMAL, NORMAL]);
    expect(b.v.arch.pv_sched!.data.len).toBe(8);
  });

  it('does nothing without bit 0', () => {
    const b = bench(name);
    b.wrmsr(PAGE);
    expect(b.v.arch.pv_sched?.msr_val ?? u64(0)).toBe(u64(0));
    expect(printed(b)).toBe(0);
  });

  it('takes the 1 that disables for the page at address 0', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.wrmsr(1);
    expect(toNumber(b.v.arch.pv_sched!.msr_val)).toBe(1);
    expect(toNumber(loadWord(b.m.guest[0].memory as guest_memory, 0))).toBe(NORMAL);
  });

  it('disables by a 1 where address 0 is no memory, and has a line printed', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.does({ ev: 'memslot', vm: 0, frame: 0, there: false });
    b.wrmsr(1);
    expect(b.v.arch.pv_sched!.msr_val).toBe(u64(0));
    expect(printed(b)).toBe(1);
  });

  it('keeps its value for an address that is no memory; each try is a line', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    for (let i = 0; i < 5; i++) b.wrmsr(1, 0x8000);
    b.wrmsr(0xffff_ffff, 0xffff_ffff);
    expect(toNumber(b.v.arch.pv_sched!.msr_val)).toBe(PAGE | 1);
    expect(printed(b)).toBe(6);
  });

  it('leaves a page alone that is gone', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.does({ ev: 'memslot', vm: 0, frame: PAGE / 4096, there: false }, { ev: 'store', vm: 0, gpa: PAGE, value: 77 });
    b.k.kvm_set_vcpu_boosted(b.v, true);
    b.exit();
    expect([b.status(), b.page()]).toEqual([BOOSTED, 77]);
    b.does({ ev: 'memslot', vm: 0, frame: PAGE / 4096, there: true });
    b.k.kvm_set_vcpu_boosted(b.v, true);
    b.exit();
    expect(b.page()).toBe(BOOSTED);
  });

  it('is #GP for a guest whose VMM hides the feature', () => {
    const b = bench(name);
    b.v.arch.pv_cpuid = { ...b.v.arch.pv_cpuid, enforce: true, features: 0 };
    expect(b.k.kvm_set_msr_commonPvSched(b.v, u64(PAGE | 1))).toBe(1);
    expect(b.k.__do_cpuid_funcKvmFeatures() & (1 << 18)).not.toBe(0);
  });
});

describe('patch 2, the scheduler', () => {
  it('keeps the nice value', () => {
    const b = bench('pvsched-v1~2', { nice: 5 });
    expect(b.k.sched_setscheduler_pi_nocheck(b.t, SCHED_RR, 8, false)).toBe(0);
    expect([b.t.policy, b.t.prio, b.t.static_prio]).toEqual([SCHED_RR, 91, 125]);
    expect(b.k.sched_setscheduler_pi_nocheck(b.t, SCHED_NORMAL, 0, false)).toBe(0);
    expect([b.t.policy, b.t.prio]).toEqual([SCHED_NORMAL, 125]);
  });
});

describe('patch 3, the framework', () => {
  const name = 'pvsched-v1~3';

  it('boosts after the exit that follows the request, and unboosts likewise', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.asks(BOOST);
    expect(b.t.policy).toBe(SCHED_NORMAL);
    b.exit();
    expect([b.t.policy, b.t.rt_priority, b.status(), b.page()]).toEqual([SCHED_RR, 8, BOOSTED, BOOSTED]);
    b.asks(UNBOOST);
    b.exit();
    expect([b.t.policy, b.status(), b.page()]).toEqual([SCHED_NORMAL, NORMAL, NORMAL]);
  });

  it('boosts while preemption is disabled', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.asks(UNBOOST, 1);
    b.exit();
    expect(b.t.policy).toBe(SCHED_RR);
  });

  it('writes the page again at every exit', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.does({ ev: 'store', vm: 0, gpa: PAGE, value: 77 });
    b.exit();
    expect(b.page()).toBe(NORMAL);
  });

  it('evaluates all ones in the exit, whether the guest has a page or not', () => {
    const b = bench(name);
    const notify = () => b.wrmsr(0xffff_ffff, 0xffff_ffff);
    notify();
    expect(printed(b)).toBe(0);
    b.wrmsr(PAGE | 1);
    b.asks(BOOST);
    notify();
    expect(b.t.policy).toBe(SCHED_RR);
    expect(printed(b)).toBe(0);
  });

  it('changes nothing when the page cannot be read', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.asks(BOOST);
    b.exit();
    b.does({ ev: 'memslot', vm: 0, frame: PAGE / 4096, there: false });
    b.asks(UNBOOST);
    b.exit();
    expect(b.t.policy).toBe(SCHED_RR);
  });

  it('has a setter of policy and priority, which refuses what is not real-time', () => {
    const b = bench(name);
    expect(b.k.kvm_vcpu_set_boost_prio(b.v, SCHED_NORMAL, 0)).toBe(-EINVAL);
    expect(b.k.kvm_vcpu_set_boost_prio(b.v, SCHED_FIFO, 100)).toBe(-EINVAL);
    expect(b.k.kvm_vcpu_set_boost_prio(b.v, SCHED_FIFO, 20)).toBe(0);
    b.k.kvm_vcpu_set_sched(b.v, true);
    expect([b.t.policy, b.t.rt_priority]).toEqual([SCHED_FIFO, 20]);
  });
});

describe('patch 4, the host boosts', () => {
  const name = 'pvsched-v1~4';

  it.each([
    ['an interrupt', 0],
    ['an NMI', APIC_DM_NMI],
    ['an SMI', APIC_DM_SMI],
    ['a remote read (PV unhalt)', APIC_DM_REMRD],
  ])('at %s, though the guest knows nothing of it', (_what, mode) => {
    const b = bench(name, { vendor: 'svm' });
    expect(b.k.__apic_accept_irq(b.v.arch.apic, mode, 0x40, 0, 0, null)).toBe(1);
    expect([b.t.policy, b.status()]).toEqual([SCHED_RR, BOOSTED]);
  });

  it.each(['vmx', 'svm'] as const)('not at an interrupt that is posted (%s)', (vendor) => {
    const b = bench(name, { vendor, apicv: true });
    b.k.__apic_accept_irq(b.v.arch.apic, 0, 0x40, 0, 0, null);
    expect(b.t.policy).toBe(SCHED_NORMAL);
  });

  it('not at INIT and SIPI', () => {
    const b = bench(name);
    b.k.__apic_accept_irq(b.v.arch.apic, 0x500, 0, 1, 0, null);
    b.k.__apic_accept_irq(b.v.arch.apic, 0x600, 0x10, 0, 0, null);
    expect(b.t.policy).toBe(SCHED_NORMAL);
  });

  it('before a vCPU sleeps', () => {
    const b = bench(name, {}, { tasks: [{ comm: 'host' }], knobs: { halt_poll_ns: 0 } });
    b.does({ ev: 'advance', ns: 20 * MS }, { ev: 'tick', cpu: 0 }, { ev: 'hlt', cpu: 0 });
    expect(b.m.rq[0].curr).not.toBe(b.t.id);
    expect([b.t.policy, b.t.on_rq]).toEqual([SCHED_RR, 0]);
  });
});

describe('patch 5, the limit', () => {
  const name = 'pvsched-v1~5';

  it('counts from the exit at which the bit was first seen, to exits', () => {
    const b = bench(name);
    b.wrmsr(PAGE | 1);
    b.asks(UNBOOST, 1);
    b.exit();
    expect(b.t.policy).toBe(SCHED_NORMAL);
    b.asks(BOOST, 1);
    b.does({ ev: 'advance', ns: 2_999 * US });
    b.exit();
    expect(b.t.policy).toBe(SCHED_RR);
    b.does({ ev: 'advance', ns: 20 * MS });
    expect(b.t.policy).toBe(SCHED_RR);
    b.exit();
    expect(b.t.policy).toBe(SCHED_NORMAL);
    b.asks(BOOST, 0);
    b.exit();
    expect(b.t.policy).toBe(SCHED_RR);
  });

  it('is none at 0', () => {
    const b = bench(name, {}, { knobs: { pvsched_max_preempt_disabled_us: 0 } });
    b.wrmsr(PAGE | 1);
    b.asks(BOOST, 1);
    b.exit();
    b.does({ ev: 'advance', ns: 50 * MS });
    b.exit();
    expect(b.t.policy).toBe(SCHED_RR);
  });
});

describe('patch 6, the switches', () => {
  const set = (arg: number): MachineEvent => ({ ev: 'vm_ioctl', vm: 0, nr: 0xe0, arg });
  const global = (value: number): MachineEvent => ({ ev: 'knob', name: 'kvm_pv_sched', value });
  const boostedVm = (): Bench => {
    const b = bench('pvsched-v1~6');
    b.does(global(1));
    b.wrmsr(PAGE | 1);
    b.asks(BOOST);
    b.exit();
    expect([b.t.policy, b.page()]).toEqual([SCHED_RR, BOOSTED]);
    return b;
  };

  it('are off until the parameter is written', () => {
    const b = bench('pvsched-v1~6', { vendor: 'svm' });
    b.wrmsr(PAGE | 1);
    b.asks(BOOST);
    b.exit();
    b.k.__apic_accept_irq(b.v.arch.apic, 0, 0x40, 0, 0, null);
    expect([b.t.policy, b.status()]).toEqual([SCHED_NORMAL, DISABLED]);
  });

  it.each([
    ['the VM', set(0), set(1)],
    ['the host', global(0), global(1)],
  ])('of %s unboost, and show in the page at the next entry', (_what, off, on) => {
    const b = boostedVm();
    b.does(off);
    expect([b.t.policy, b.status()]).toEqual([SCHED_NORMAL, DISABLED]);
    b.exit();
    expect([b.t.policy, b.page()]).toEqual([SCHED_NORMAL, DISABLED]);
    b.does(on);
    b.exit();
    expect([b.t.policy, b.page()]).toEqual([SCHED_RR, BOOSTED]);
  });

  it('overwrite what was chosen for one VM, once the value changes', () => {
    const b = boostedVm();
    b.does(set(0), global(1));
    expect(b.k.kvm_arch_vm_ioctl(b.m.kvm[0], 0xe1, 0)).toBe(0);
    b.does(global(0), global(1));
    expect(b.k.kvm_arch_vm_ioctl(b.m.kvm[0], 0xe1, 0)).toBe(1);
    expect(b.k.kvm_arch_vm_ioctl(b.m.kvm[0], 0xe0, 2)).toBe(-EINVAL);
  });

  it('keep the host from boosting a guest that never wrote the MSR', () => {
    const b = bench('pvsched-v1', { vendor: 'svm' }, { knobs: { kvm_pv_sched: 1 } });
    b.k.__apic_accept_irq(b.v.arch.apic, 0, 0x40, 0, 0, null);
    expect(b.t.policy).toBe(SCHED_NORMAL);
    // though what is published says that it is
    expect(b.status()).toBe(BOOSTED);
  });
});

/** The guest's page on its vCPU 0 before each event, and how often it made its host look. */
function inGuest(kernel: GuestKernelSpec, ns: number, name = 'pvsched-v1') {
  const linked = kernelByName(name);
  const knobs = { kvm_pv_sched: 1 };
  const m = boot(linked, { cpus: 1, knobs, vms: [{ name: 'vm', vcpus: 1, vendor: 'svm', kernel }] });
  let notified = 0;
  const k = bind(linked, m, ({ event, fields }) => {
    if (event === 'kvm_msr' && fields['data'] === '0xffffffffffffffff') notified++;
  });
  const requests: { at: number; request: number; off: number; ran: string; policy: number }[] = [];
  const end = toNumber(m.bootClock) + ns;
  for (let e = nextEvent(m); e !== null && toNumber(m.sched_clock) < end; e = nextEvent(m)) {
    if (e.ev !== 'advance' || e.ns === 0) {
      apply(k, e);
      continue;
    }
    const os = m.guest[0].os!;
    const word = toNumber(loadWord(m.guest[0].memory as guest_memory, 0x10_0008));
    const ran = os.cpu[0].contexts.at(-1)?.kind ?? os.m.task[os.m.rq[0].curr].comm;
    const policy = m.task[m.vcpu[0].pid].policy;
    requests.push({ at: toNumber(m.sched_clock), request: word & 0xff, off: word >> 8, ran, policy });
    apply(k, e);
  }
  return { m, requests, notified: () => notified, of: (ran: string) => requests.filter((r) => r.ran === ran) };
}

describe('patches 7 and 8, the guest', () => {
  const sleeper = {
    comm: 'sleeper',
    program: [
      { op: 'sleep', ns: MS },
      { op: 'compute', ns: 100 * US },
    ],
  } as const;
  const hog = { comm: 'hog' };

  it('ask for a boost in interrupts and for real-time tasks, and for none in others', () => {
    const rt = { ...sleeper, program: [...sleeper.program], policy: 'fifo', rt_priority: 1 } as const;
    const { of, m } = inGuest({ tasks: [rt, hog] }, 20 * MS);
    expect(toNumber(m.vcpu[0].arch.pv_sched!.msr_val)).toBe(0x10_0001);
    expect(of('irq').length).toBeGreaterThan(10);
    expect(of('irq').every((r) => r.request === BOOST && r.off === 1 && r.policy === SCHED_RR)).toBe(true);
    expect(of('sleeper').every((r) => r.request === BOOST && r.policy === SCHED_RR)).toBe(true);
    expect(of('hog').every((r) => r.request === UNBOOST && r.off === 0 && r.policy === SCHED_NORMAL)).toBe(true);
  });

  it('make the host look once each time, and only to be unboosted', () => {
    const { notified, of } = inGuest({ tasks: [{ ...sleeper, program: [...sleeper.program] }, hog] }, 40 * MS);
    expect(notified()).toBeGreaterThan(20);
    expect(notified()).toBeLessThanOrEqual(of('irq').length);
  });

  it('leave preemption disabled in the idle thread', () => {
    const { requests } = inGuest({ tasks: [{ ...sleeper, program: [...sleeper.program] }] }, 20 * MS);
    const idle = requests.filter((r) => r.ran.startsWith('swapper'));
    expect(idle.length).toBeGreaterThan(5);
    expect(idle.every((r) => r.off === 1)).toBe(true);
  });

  it('stay boosted through a section without preemption', () => {
    const program = [
      { op: 'kernel' },
      { op: 'preemptDisable' },
      { op: 'compute', ns: 2 * MS },
      { op: 'preemptEnable' },
      { op: 'user' },
      { op: 'compute', ns: MS },
    ] as const;
    const { requests } = inGuest({ tasks: [{ comm: 'off', program: [...program] }] }, 30 * MS);
    expect(requests.some((r) => r.ran === 'off' && r.off === 1)).toBe(true);
    expect(requests.some((r) => r.ran === 'off' && r.off === 0)).toBe(true);
  });

  it('are not built into a guest without CONFIG_PARAVIRT_SCHED', () => {
    const { m, requests } = inGuest(
      { tasks: [{ ...sleeper, program: [...sleeper.program] }], pv_sched: false },
      10 * MS,
    );
    expect(m.vcpu[0].arch.pv_sched?.msr_val ?? u64(0)).toBe(u64(0));
    expect(requests.every((r) => r.request === 0)).toBe(true);
  });

  it('run in a guest of a host that has no more than patch 6 without hooks', () => {
    const { requests } = inGuest({ tasks: [hog] }, 10 * MS, 'pvsched-v1~6');
    expect(requests.every((r) => r.request === 0)).toBe(true);
  });

  it('ask for the page at the request of the host alone', () => {
    const b = bench('pvsched-v1', {}, { knobs: { kvm_pv_sched: 1 } });
    b.wrmsr(PAGE | 1);
    b.k.kvm_set_vcpu_boosted(b.v, true);
    expect(toBigInt(b.v.requests) & REQUEST).toBe(REQUEST);
    b.exit();
    expect(toBigInt(b.v.requests) & REQUEST).toBe(0n);
  });
});
