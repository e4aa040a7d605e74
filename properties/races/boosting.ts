// SPDX-License-Identifier: GPL-2.0-only
/**
 * The status of a boost in pvsched-v1, a word without a lock: the vCPU's own exit, an interrupt from elsewhere and the VM's switch each look
 * at it, change the thread's policy, and store it. And the request, a word that the guest writes and the host reads: the guest's own vCPU
 * looks at the status before it tells its host of it, and other vCPUs may write there while the host reads. Of pvsched-v3, whose runtime
 * is under a lock, the words of the page.
 */
import { type guest_memory, loadWord, storeByte, storeWord } from '../../src/kvm/guest-memory.js';
import { toNumber, u64 } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { machine } from '../../src/machine/state.js';
import { type Cpu, IDLE, type Litmus, type SteppedKernel } from '../../src/races/one-order.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { MSR_KVM_PV_SCHED } from '../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import { MSR_PVSCHED_DOORBELL } from '../../src/series/pvsched-v3/0006-pvsched-attach-a-page-of-a-guest.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { BOOST, BOOSTED, isRealTime, sayPolicy, statusOf, UNBOOST } from '../series/pvsched-v1/monitors.js';

const VECTOR = 0x41;
const ICR_ASSERT = 1 << 14;
const PAGE = 0x2000;

const asks = (request: number): MachineEvent => ({ ev: 'store', vm: 0, gpa: PAGE + 8, value: request });
const exit: MachineEvent = { ev: 'intr', cpu: 1 };

/** Two vCPUs in the guest, each on a CPU of its own; vCPU 1 has enabled the MSR, then this happens. */
function enabled(kernel: Kernel, ...events: MachineEvent[]): machine {
  const m = boot(kernel, {
    cpus: 2,
    knobs: { halt_poll_ns: 0, kvm_pv_sched: 1 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], vendor: 'svm', memory: true }],
  });
  drive(kernel, m, [{ ev: 'wrmsr', vcpu: 1, msr: MSR_KVM_PV_SCHED, value: PAGE | 1, high: 0 }, ...events]);
  return m;
}

const sends: Cpu = {
  cpu: 0,
  does: 'vCPU 0 sends vector 41 to vCPU 1',
  run: (k) => k.guestIcr(0, ICR_ASSERT | VECTOR, 1),
};
const exits: Cpu = { cpu: 1, does: 'vCPU 1 exits and enters again', run: (k) => k.exitExternalInterrupt(1, 0xfd) };
const switchesOff: Cpu = {
  cpu: 0,
  does: 'the VM is switched off',
  run: (k: SteppedKernel) => k.kvm_set_pv_sched_enabled(k.m.kvm[0], false),
};

/* ---- the request ---- */

/** What pv_sched_unboost_vcpu() of the guest's kernel does on vCPU 1, in preemptible code. */
function* unboosts(k: SteppedKernel, m: machine): Generator<string, void> {
  yield 'the guest: pv_sched_unboost_vcpu_lazy()';
  storeByte(memory(m), PAGE + 8, 0, UNBOOST);
  yield 'the guest: pv_sched_unboost_vcpu() looks at the status';
  if (toNumber(loadWord(memory(m), PAGE)) !== BOOSTED) return;
  yield 'the guest: pv_sched_vcpu_update()';
  yield* k.exitWrmsr64(1, MSR_KVM_PV_SCHED, 0xffff_ffff, 0xffff_ffff);
}

/** vCPU 1 ends what was urgent, and handles what comes: irqentry_enter() asks for a boost, irqentry_exit() takes that back. */
const unboostsAndHandles: Cpu = {
  cpu: 1,
  does: 'the guest of vCPU 1 is urgent no more; it handles interrupts',
  *run(k, m) {
    const [, vcpu] = m.vcpu;
    yield* unboosts(k, m);
    for (;;) {
      m.cpu = 1;
      yield* k.settleCpu(1);
      if (vcpu.arch.taken.length === 0) {
        yield IDLE;
        continue;
      }
      const [vector] = vcpu.arch.taken;
      vcpu.arch.taken = [];
      m.actor[vcpu.pid].handlers.push({ vector, left: -1, ended: false });
      yield 'the guest: irqentry_enter()';
      storeByte(memory(m), PAGE + 8, 0, BOOST);
      yield* k.guestEoi(1);
      m.actor[vcpu.pid].handlers.pop();
      yield* k.guestIret(1);
      yield* unboosts(k, m);
    }
  },
  awake: (m) =>
    m.host_irq[1].length > 0 || m.vcpu[1].arch.taken.length > 0 || m.task[m.rq[1].curr].tif_need_resched === 1,
};

const memory = (m: machine): guest_memory => m.guest[0].memory as guest_memory;

/** vCPU 0 writes the request of vCPU 1's page. */
const writes = (request: number): Cpu => ({
  cpu: 0,
  does: `vCPU 0 writes ${request === BOOST ? 'BOOST' : 'UNBOOST'} to the page of vCPU 1`,
  *run(_k, m) {
    yield 'the guest: a store';
    storeByte(memory(m), PAGE + 8, 0, request);
  },
});

/** Writes a request of its own to a page that both vCPUs have, and exits. */
const asksAndExits = (cpu: number, request: number): Cpu => ({
  cpu,
  does: `vCPU ${cpu} asks for ${request === BOOST ? 'a boost' : 'none'} and exits`,
  *run(k, m) {
    yield 'the guest: a store';
    storeByte(memory(m), PAGE + 8, 0, request);
    yield* k.exitExternalInterrupt(cpu, 0xfd);
  },
});

const enables = (vcpu: number): MachineEvent => ({
  ev: 'wrmsr',
  vcpu,
  msr: MSR_KVM_PV_SCHED,
  value: PAGE | 1,
  high: 0,
});

function requestTests(kernel: Kernel): Litmus[] {
  return [
    {
      name: 'boosting: an interrupt against a guest that unboosts',
      says: 'who asks for no boost, and has handled what came, is not real-time (BR11)',
      boot: () => enabled(kernel, asks(BOOST), exit),
      cpus: [sends, unboostsAndHandles],
      check: (m) => leaked(m),
    },
    {
      name: 'boosting: the request, written while the host reads it',
      says: 'behind the next exit the thread is what the page asks for',
      boot: () => enabled(kernel, asks(UNBOOST), exit),
      cpus: [writes(BOOST), exits],
      check(m) {
        drive(kernel, m, [exit]);
        return asked(m) === BOOST && !isRealTime(m, m.vcpu[1])
          ? `the page asks for a boost, and vCPU 1 is ${sayPolicy(m, m.vcpu[1])}`
          : agree(m);
      },
    },
    {
      name: 'boosting: one page of two vCPUs',
      says: 'behind its exit a vCPU that asked for a boost is real-time (B2)',
      boot: () => enabled(kernel, enables(0), asks(UNBOOST)),
      cpus: [asksAndExits(0, UNBOOST), asksAndExits(1, BOOST)],
      check: (m) => (isRealTime(m, m.vcpu[1]) ? null : 'vCPU 1 has asked for a boost, has exited, and is SCHED_NORMAL'),
    },
  ];
}

const asked = (m: machine): number => toNumber(loadWord(memory(m), PAGE + 8)) & 0xff;

function leaked(m: machine): string | null {
  const [, v] = m.vcpu;
  if (asked(m) !== UNBOOST || !isRealTime(m, v)) return null;
  return `vCPU 1 asks for no boost, has handled its interrupts, has status ${statusOf(v)}, and is real-time`;
}

/* ---- the status ---- */

/** The status is the policy of the thread. */
function agree(m: machine): string | null {
  const [, v] = m.vcpu;
  if ((statusOf(v) === BOOSTED) === isRealTime(m, v)) return null;
  return `vCPU 1 has status ${statusOf(v)} and is ${sayPolicy(m, v)}`;
}

/* ---- pvsched-v3: the words of the page ---- */

const V3_PAGE = 0x4000;
const V3_TICKET = 7;

/** vCPU 1 has attached its page; vCPU 0 runs beside it. With a ticket, that is live and not acknowledged. */
function attached(kernel: Kernel, ticket: boolean): machine {
  const m = boot(kernel, {
    cpus: 2,
    knobs: { halt_poll_ns: 0 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], vendor: 'svm', memory: true }],
  });
  const store = (at: number, value: number): MachineEvent => ({ ev: 'store', vm: 0, gpa: V3_PAGE + at, value });
  drive(kernel, m, [
    store(0, 0x1_0000_0001),
    store(8, 0x746c_7561_6665),
    { ev: 'wrmsr', vcpu: 1, msr: MSR_PVSCHED_DOORBELL, value: V3_PAGE, high: 0 },
  ]);
  const r = m.vcpu[1].pvsched;
  if (ticket && r !== undefined) {
    r.interrupt_ticket = u64(V3_TICKET);
    drive(kernel, m, [exit]);
  }
  return m;
}

/** The guest's stores to the page of vCPU 1, in their order. */
const stores = (does: string, ...words: [at: number, value: number][]): Cpu => ({
  cpu: 0,
  does,
  *run(_k, m) {
    for (const [at, value] of words) {
      yield 'the guest: a store';
      storeWord(memory(m), V3_PAGE + at, u64(value));
    }
  },
});

const PENDING_FIFO = (1 + 40 * 0x1_0000) * 0x100_0000 + 2 ** 48;

function pageTests(kernel: Kernel): Litmus[] {
  if (kernel.table.pvsched_shm_bridge_snapshot === undefined) return [];
  return [
    {
      name: 'page: an intent, written while the host reads it',
      says: 'behind the next exit the thread is as urgent as the page says (B21)',
      boot: () => attached(kernel, false),
      cpus: [stores('vCPU 0 wakes a real-time task on vCPU 1', [64, PENDING_FIFO]), exits],
      check(m) {
        drive(kernel, m, [exit]);
        return isRealTime(m, m.vcpu[1]) ? null : 'the page has a real-time task pending, and vCPU 1 is SCHED_NORMAL';
      },
    },
    {
      name: 'page: a ticket that is acknowledged while the host looks',
      says: 'who acknowledges in a critical section keeps the boost (B20)',
      boot: () => attached(kernel, true),
      cpus: [stores('the guest of vCPU 1 enters an interrupt', [72, 2], [80, V3_TICKET]), exits],
      check: (m) => {
        const r = m.vcpu[1].pvsched;
        return r?.applied_class === 2 ? null : `vCPU 1 is in an interrupt, and has class ${r?.applied_class}`;
      },
    },
  ];
}

/** The tests of a kernel that boosts vCPUs; none for another. */
export function boostingTests(kernel: Kernel): Litmus[] {
  return [...statusTests(kernel), ...pageTests(kernel)];
}

function statusTests(kernel: Kernel): Litmus[] {
  if (kernel.table.kvm_set_pv_sched_enabled === undefined) return [];
  return [
    ...requestTests(kernel),
    {
      name: 'boosting: an interrupt against an exit that asks for nothing',
      says: 'the status is the policy of the thread when both have come to rest (B11)',
      boot: () => enabled(kernel, asks(UNBOOST)),
      cpus: [sends, exits],
      check: agree,
    },
    {
      name: 'boosting: an interrupt against the exit that unboosts',
      says: 'the status is the policy of the thread when both have come to rest (B11)',
      boot: () => enabled(kernel, asks(BOOST), exit, asks(UNBOOST)),
      cpus: [sends, exits],
      check: agree,
    },
    {
      name: 'boosting: the switch against an exit that boosts',
      says: 'the threads of a VM that is switched off are not real-time (B6)',
      boot: () => enabled(kernel, asks(BOOST)),
      cpus: [switchesOff, exits],
      check: (m) =>
        isRealTime(m, m.vcpu[1]) ? `vCPU 1 is switched off, has status ${statusOf(m.vcpu[1])}, and is real-time` : null,
    },
  ];
}
