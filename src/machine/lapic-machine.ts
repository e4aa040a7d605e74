// SPDX-License-Identifier: GPL-2.0-only
/**
 * A machine that is nothing but local APICs: one VM, its vCPUs and a clock, without threads, scheduler or guest code.
 *
 * For tests, recordings and outside guests. Everything goes through the kernel's table; what is ours here is the
 * clock, and the few things a CPU does between two exits: to take what an entry injects, and IRET.
 */

import {
  KVM_MP_STATE_INIT_RECEIVED,
  KVM_MP_STATE_RUNNABLE,
  KVM_MP_STATE_UNINITIALIZED,
  KVM_REQ_EVENT,
  type kvm_vcpu,
  newKvmArch,
  newKvmX86Params,
} from '../arch/x86/kvm_host.js';
import { newKvm, newKvmParams, newVcpu } from '../kvm/kvm_host.js';
import { HRTIMER_RESTART, type hrtimer } from '../lib/hrtimer.js';
import { timeOfTsc } from '../lib/tsc.js';
import type { u32 as U32, u64 as U64 } from '../lib/types.js';
import { gt, lt, sub, to_u64, u64, ZERO } from '../lib/types.js';
import { NULL } from '../sched/sched.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { stuckTimer } from './pass-time.js';

/** What a machine of local APICs is made of. */
export interface LapicOptions {
  /** how many vCPUs, 1 to 1024; vcpu_id is the index unless `ids` says otherwise */
  vcpus: number;
  /** vcpu_id of each vCPU */
  ids?: readonly number[];
  /** guest CPUID has x2APIC; default true */
  x2apic?: boolean;
  /** guest CPUID has the TSC-deadline timer; default true */
  tsc_deadline?: boolean;
  /** KVM_CAP_SPLIT_IRQCHIP; default true. False: in-kernel IOAPIC and PIC. */
  irqchip_split?: boolean;
  /** default `svm`, which recordings were made on */
  vendor?: 'vmx' | 'svm';
  /** default false */
  enable_apicv?: boolean;
  /** kHz of host and guest TSC; default 1000000, a cycle a ns */
  tsc_khz?: number;
  /** kvm.vector_hashing; default true */
  vector_hashing?: boolean;
  /** KVM_CAP_X2APIC_API: USE_32BIT_IDS and DISABLE_BROADCAST_QUIRK; default false */
  x2apic_format?: boolean;
  x2apic_broadcast_quirk_disabled?: boolean;
  /** KVM_CAP_DISABLE_QUIRKS2 */
  disabled_quirks?: number;
  /** MCG_CAP: an LVT entry for CMCI; default false */
  cmci?: boolean;
  /** guest's MAXPHYADDR; default 46 */
  maxphyaddr?: number;
  /** kvm.lapic_timer_advance; default true: a deadline's timer fires up to 5 us early, and the entry waits it out */
  timer_advance?: boolean;
  /** who hears the tracepoints; default nobody */
  tp?: ((event: trace_event) => void) | null;
}

/** The machine, and the kernel bound to it. */
export interface LapicMachine {
  readonly k: vmlinux_x86;
  readonly m: kernel_state_x86;
  /** the vCPUs, by index */
  readonly vcpus: readonly kvm_vcpu[];
}

function emptyState(o: LapicOptions): kernel_state_x86 {
  const params = newKvmX86Params();
  params.vector_hashing_enabled = o.vector_hashing ?? true;
  params.lapic_timer_advance = o.timer_advance ?? true;
  // Complete as far as this machine reaches: it has no runqueue, and no task but the one that is always current.
  return {
    cpu: 0,
    sched_clock: ZERO,
    HZ: 250,
    TICK_NSEC: u64(4_000_000),
    warns: 0,
    rq: [],
    cfs_rq: [],
    se: [],
    task: [],
    task_group: [],
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: [NULL],
    kvm_params: newKvmParams(),
    kvm_x86_params: params,
    tsc_khz: o.tsc_khz ?? 1_000_000,
    hrtimer: [],
    host_irq: [[]],
  } as unknown as kernel_state_x86;
}

/**
 * Boots it: KVM_CREATE_VM, an irqchip, and KVM_CREATE_VCPU and KVM_SET_CPUID2 for each vCPU. The first is the BSP and
 * runs; the others wait for INIT and SIPI unless `startAps` is called.
 */
export function createLapicMachine(kernel: Kernel, o: LapicOptions): LapicMachine {
  const m = emptyState(o);
  return populate(bind(kernel, m, o.tp ?? null), m, o);
}

/** Creates the VM, the first of its machine, and its vCPUs, with what `o` says of them. */
export function populate(k: vmlinux_x86, m: kernel_state_x86, o: LapicOptions): LapicMachine {
  const arch = newKvmArch(o.vendor ?? 'svm');
  arch.irqchip_split = o.irqchip_split ?? true;
  arch.enable_apicv = o.enable_apicv ?? false;
  arch.x2apic_format = o.x2apic_format ?? false;
  arch.x2apic_broadcast_quirk_disabled = o.x2apic_broadcast_quirk_disabled ?? false;
  arch.disabled_quirks = o.disabled_quirks ?? 0;
  m.kvm.push(newKvm(0, arch));
  k.kvm_apicv_init(m.kvm[0]);
  if (!arch.irqchip_split) k.kvm_ioapic_init(m.kvm[0]);
  k.kvm_clear_apicv_inhibit(m.kvm[0], 2);
  const machine: LapicMachine = { k, m, vcpus: m.vcpu };
  for (let i = 0; i < o.vcpus; i++) addVcpu(machine, o.ids?.[i] ?? i, o);
  return machine;
}

/** KVM_CREATE_VCPU, KVM_X86_SETUP_MCE and KVM_SET_CPUID2: at boot, or later as a hot add. */
export function addVcpu(machine: LapicMachine, vcpu_id: number, o: LapicOptions): kvm_vcpu {
  const { k, m } = machine;
  const kvm = m.kvm[0];
  const id = m.vcpu.length;
  const vcpu = newVcpu(id, kvm.id, vcpu_id, kvm.vcpus.length, k.newVcpuArch(id));
  m.vcpu.push(vcpu);
  vcpu.arch.mp_state = k.kvm_vcpu_is_reset_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
  k.kvm_create_lapic(vcpu);
  k.kvm_set_tsc_khz(vcpu, m.tsc_khz);
  k.kvm_vcpu_reset(vcpu, false);
  // It is online from here on: the map that the reset computed does not have it yet.
  kvm.vcpus.push(id);

  if (o.cmci) {
    vcpu.arch.mcg_cap |= 1 << 10;
    k.kvm_apic_after_set_mcg_cap(vcpu);
  }
  vcpu.arch.cpuid.x2apic = o.x2apic ?? true;
  vcpu.arch.cpuid.tsc_deadline = o.tsc_deadline ?? true;
  vcpu.arch.cpuid.maxphyaddr = o.maxphyaddr ?? 46;
  vcpu.arch.cpuid.intel_compatible = kvm.arch.vendor === 'vmx';
  k.kvm_vcpu_after_set_cpuid(vcpu);
  return vcpu;
}

/** Every vCPU runs, as if the BSP had started it: KVM_SET_MP_STATE. */
export function startAps(machine: LapicMachine): void {
  for (const vcpu of machine.vcpus) machine.k.kvm_arch_vcpu_ioctl_set_mpstate(vcpu, KVM_MP_STATE_RUNNABLE);
}

/** The hrtimer that expires first; null when none is queued. */
export function nextTimer(m: kernel_state_x86): hrtimer | null {
  let first: hrtimer | null = null;
  for (const t of m.hrtimer) {
    if (t.queued === 1 && (first === null || lt(t.expires, first.expires))) first = t;
  }
  return first;
}

/** So many timers fire on their way to a time; then the host does not run until that time, and each of them fires once more. */
const EXPIRATIONS_MAX = 100_000;

/** Lets the clock run to `ns` and fires what expires on the way, each at its expiry. Never runs it backwards. */
export function advanceTo(machine: LapicMachine, ns: U64): void {
  const { k, m } = machine;
  for (let fired = 0; ; fired++) {
    if (fired === EXPIRATIONS_MAX && gt(ns, m.sched_clock)) m.sched_clock = ns;
    const t = nextTimer(m);
    if (t === null || gt(t.expires, ns)) break;
    if (fired > 2 * EXPIRATIONS_MAX) throw stuckTimer(t);
    if (gt(t.expires, m.sched_clock)) m.sched_clock = t.expires;
    t.queued = 0;
    const callback = (k as unknown as Record<string, (timer: number) => number>)[t.function];
    if (callback.call(k, t.id) === HRTIMER_RESTART) t.queued = 1;
  }
  if (gt(ns, m.sched_clock)) m.sched_clock = ns;
}

/** The clock at which the guest TSC of the vCPU first shows `tsc`, in ns. */
export function nsOfTsc(machine: LapicMachine, vcpu: kvm_vcpu, tsc: U64): U64 {
  return timeOfTsc(sub(tsc, to_u64(vcpu.arch.tsc_offset)), machine.m.tsc_khz);
}

/** What came of an entry: `blocked` says that the vCPU waits for a SIPI, or for its first one. */
export interface Entered {
  blocked: boolean;
  /** the entry was given up for KVM_EXIT_IOAPIC_EOI, so many times */
  eoiExits: number;
}

/**
 * One VM entry and the exit after it, as vcpu_enter_guest() has them, with nothing in between but what the entry
 * delivers: vectors, NMI as 2, are appended to `taken`. Interrupts clear RFLAGS.IF; an NMI masks NMIs.
 */
export function enterAndExit(machine: LapicMachine, vcpu: kvm_vcpu, taken: number[]): Entered {
  const { k } = machine;
  const arch = vcpu.arch;
  const result: Entered = { blocked: false, eoiExits: 0 };
  if (arch.mp_state !== KVM_MP_STATE_RUNNABLE) {
    k.kvm_apic_accept_events(vcpu);
    if (arch.mp_state !== KVM_MP_STATE_RUNNABLE) return { blocked: true, eoiExits: 0 };
  }

  const accelerates = machine.m.kvm[vcpu.kvm].arch.enable_apicv;
  if (accelerates) k.kvm_x86_vcpu_load(vcpu, 0);
  const out = { r: 1 };
  while (k.kvm_request_pending(vcpu) && k.vcpu_enter_guestRequests(vcpu, out) === 0) {
    if (out.r === 0) result.eoiExits++;
  }
  if (k.kvm_check_request(KVM_REQ_EVENT, vcpu)) {
    vcpu.stat.req_event++;
    k.kvm_apic_accept_events(vcpu);
    if ((arch.mp_state as number) === KVM_MP_STATE_INIT_RECEIVED) {
      result.blocked = true;
      if (accelerates) k.kvm_x86_vcpu_put(vcpu);
      return result;
    }
    const immediate = { exit: false };
    k.kvm_check_and_inject_events(vcpu, immediate);
    if (immediate.exit) k.kvm_make_request(KVM_REQ_EVENT, vcpu);
    if (k.kvm_lapic_enabled(vcpu)) {
      k.kvm_lapic_update_cr8_intercept(vcpu);
      k.kvm_lapic_sync_to_vapic(vcpu);
    }
  }
  if (k.kvm_lapic_enabled(vcpu)) k.kvm_x86_sync_pir_to_irr(vcpu);

  const svm = machine.m.kvm[vcpu.kvm].arch.vendor === 'svm';
  if (svm) k.sync_lapic_to_cr8(vcpu);
  const injected = takeEvent(vcpu, taken);
  if (!injected) takeVirtual(k, vcpu, taken);
  if (k.preemptionTimerDue(vcpu)) expirePreemptionTimer(machine, vcpu, injected, taken);
  if (svm) k.sync_cr8_to_lapic(vcpu);
  arch.nmi_injected = false;
  k.kvm_clear_interrupt_queue(vcpu);
  if (arch.apic_attention !== 0) k.kvm_lapic_sync_from_vapic(vcpu);
  if (accelerates) k.kvm_x86_vcpu_put(vcpu);
  return result;
}

/** Under APICv, what the CPU itself finds in the page once it is in the guest. */
function takeVirtual(k: vmlinux_x86, { arch }: kvm_vcpu, taken: number[]): void {
  if (!arch.apic.apicv_active) return;
  k.evaluateVirtualInterrupt(k.m.vcpu[arch.apic.vcpu]);
  taken.push(...arch.taken);
  arch.taken = [];
  arch.irq_frames = [];
}

/** handle_fastpath_preemption_timer(): the timer had run down, so that the guest has exited at once and is entered again. */
function expirePreemptionTimer({ k, m }: LapicMachine, vcpu: kvm_vcpu, injected: boolean, taken: number[]): void {
  const [before] = m.kvm_running_vcpu;
  m.kvm_running_vcpu[0] = vcpu.id;
  k.kvm_lapic_expired_hv_timer(vcpu);
  m.kvm_running_vcpu[0] = before;
  if (k.kvm_lapic_enabled(vcpu)) k.kvm_x86_sync_pir_to_irr(vcpu);
  if (!injected) takeVirtual(k, vcpu, taken);
}

/** The event that the entry injects; false when there is none. */
function takeEvent(vcpu: kvm_vcpu, taken: number[]): boolean {
  const event = vcpu.arch.event_inj;
  if (event === -1) return false;
  vcpu.arch.event_inj = -1;
  if ((event & NMI_EVENT) !== 0) vcpu.arch.nmi_masked = true;
  else vcpu.arch.if_flag = false;
  taken.push(event & 0xff);
  return true;
}

/** type field of an injected event: NMI */
const NMI_EVENT = 2 << 8;

/** The guest executes IRET: NMIs are open again, and one that waits asks for its window. */
export function iret(machine: LapicMachine, vcpu: kvm_vcpu): void {
  const arch = vcpu.arch;
  if (!arch.nmi_masked) return;
  machine.k.kvm_x86_set_nmi_mask(vcpu, false);
  arch.nmi_window = false;
  if (arch.nmi_pending > 0) machine.k.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

/** The end of a turn of vcpu_run(): an expired timer of the APIC goes to IRR; false when there is none. */
export function injectTimers(machine: LapicMachine, vcpu: kvm_vcpu): boolean {
  const { k } = machine;
  if (k.kvm_cpu_has_pending_timer(vcpu) === 0) return false;
  k.kvm_inject_pending_timer_irqs(vcpu);
  return true;
}

/** KVM_GET_LAPIC: the page as 256 words. */
export function registerPage(machine: LapicMachine, vcpu: kvm_vcpu, into: U32[]): U32[] {
  machine.k.kvm_apic_get_state(vcpu, { regs: into });
  return into;
}
