// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: attach a page of a guest
 *
 * The VMM's device tells the host where a vCPU has its page; the host looks whether what the guest wants there is what it has, records
 * what the thread is, and serves it from now on.
 *
 * DEVIATION DV-664: the device's registers are two MSRs of the vCPU that writes. The doorbell of the PCI device takes a table of all
 * vCPUs; here each attaches itself, and 0 detaches. The kick is an exit either way.
 * MODEL: the doorbell is a return to userspace: KVM_RUN ends, the ioctls are made, KVM_RUN begins.
 */
import { __do_cpuid_funcKvmFeatures as featuresBefore } from '../../arch/x86/kvm.js';
import { KVM_FEATURE_PV_SCHED, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { kvm_get_msr_common as getBefore, kvm_set_msr_common as setBefore } from '../../arch/x86/x86.js';
import { loadWord, storeWord } from '../../kvm/guest-memory.js';
import type { msr_data } from '../../lapic/lapic.js';
import { EBUSY, EFAULT, EINVAL, EOPNOTSUPP } from '../../lib/errno.js';
import { and, mul, not, u64 as to_u64, toNumber, type u32, type u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { Patch } from '../series.js';
import { PVSCHED_CLASS_BASELINE } from './0003-pvsched-default-policy.js';
import {
  PAGE_APPLIED_STATE,
  PAGE_STATUS,
  PVSCHED_RECONCILE_RUN_ENTER,
  PVSCHED_RECONCILE_RUN_LEAVE,
  PVSCHED_RUNNER_QEMU,
  PVSCHED_STATUS_DISABLED,
  PVSCHED_STATUS_ENABLED,
} from './0004-pvsched-runner-runtime.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** not upstream: stand for the doorbell and the kick register of the device */
export const MSR_PVSCHED_DOORBELL = 0x4b564df0;
export const MSR_PVSCHED_KICK = 0x4b564df1;

export const PVSCHED_VCPU_STRIDE = 4096;
export const PVSCHED_ABI_VERSION = 1;
/** "default", with its NUL: one word */
export const DEFAULT_POLICY = to_u64(0x746c75616665n);
export const EPROTO = 71;

/** enum pvsched_status, but for the first two */
export const PVSCHED_STATUS_UNKNOWN_POLICY = 2;
export const PVSCHED_STATUS_ABI_MISMATCH = 3;
export const PVSCHED_STATUS_POLICY_VERSION_MISMATCH = 4;
export const PVSCHED_STATUS_PROTOCOL_MISMATCH = 5;
export const PVSCHED_STATUS_MODE_MISMATCH = 6;

const parameter = (name: string, initial: number): Knob => ({
  file: `/sys/module/pvsched/parameters/${name}`,
  type: 'u32',
  initial,
});

export const knobs = {
  cs_budget_us: parameter('cs_budget_us', 2_000),
  generic_budget_us: parameter('generic_budget_us', 500_000),
  idle_hold_us: parameter('idle_hold_us', 200),
  deboost_notify: { file: '/sys/module/pvsched/parameters/deboost_notify', type: 'bool', initial: 1 },
  /** whether there is a /dev/pvsched for VMMs to open */
  pvsched: { file: '/sys/module/pvsched', type: 'bool', initial: 1 },
} as const satisfies Record<string, Knob>;

/** virt/pvsched/negotiation.c: pvsched_negotiate_default(), new: the order of refusals is ABI. */
export function pvsched_negotiate_default(this: pvsched_v3, vcpu: kvm_vcpu, gpa: number): number {
  const memory = this.pvschedMemoryOf(vcpu);
  const half = (at: number, upper: boolean): number => {
    const word = loadWord(memory, gpa + at);
    const low = toNumber(and(word, to_u64(0xffff_ffff)));
    return upper ? toNumber(and(word, not(to_u64(0xffff_ffff)))) / 2 ** 32 : low;
  };
  if (half(0, false) !== PVSCHED_ABI_VERSION) return PVSCHED_STATUS_ABI_MISMATCH;
  const name = [8, 16, 24, 32].map((at) => loadWord(memory, gpa + at));
  if (name[0] === ZERO) return PVSCHED_STATUS_DISABLED;
  if (name[0] !== DEFAULT_POLICY || name.slice(1).some((word) => word !== ZERO)) return PVSCHED_STATUS_UNKNOWN_POLICY;
  if (half(0, true) !== 1) return PVSCHED_STATUS_POLICY_VERSION_MISMATCH;
  if (half(40, false) !== 0) return PVSCHED_STATUS_PROTOCOL_MISMATCH;
  if (half(40, true) !== 0) return PVSCHED_STATUS_MODE_MISMATCH;
  const guest = this.pvsched_shm_bridge_snapshot(vcpu, gpa);
  const clean = guest.interrupt_ack === ZERO && !guest.reserved && and(guest.cs_state, not(to_u64(0xf))) === ZERO;
  const flags = and(guest.task_intent, to_u64(0xfffc_0000_0000_0000n));
  return clean && flags === ZERO ? PVSCHED_STATUS_ENABLED : PVSCHED_STATUS_DISABLED;
}

/** virt/pvsched/shm_bridge.c: pvsched_shm_bridge_publish_response(), new: what is the host's is written, not trusted; status last. */
export function pvsched_shm_bridge_publish_response(
  this: pvsched_v3,
  vcpu: kvm_vcpu,
  gpa: number,
  status: number,
): void {
  const memory = this.pvschedMemoryOf(vcpu);
  const end = gpa + PVSCHED_VCPU_STRIDE;
  for (const word of memory.words) if (word.gpa >= gpa + PAGE_APPLIED_STATE && word.gpa < end) word.value = ZERO;
  storeWord(memory, gpa + PAGE_STATUS + 8, ZERO);
  storeWord(memory, gpa + PAGE_STATUS, to_u64(status + PVSCHED_ABI_VERSION * 2 ** 32));
}

/** virt/pvsched/lifecycle.c: PVSCHED_ATTACH_SHM, new: 0, or why there is no attachment. */
export function pvsched_attach_shm(this: pvsched_v3, vcpu: kvm_vcpu, gpa: number): number {
  const { m } = this;
  const kvm = m.kvm[vcpu.kvm];
  if (gpa % PVSCHED_VCPU_STRIDE !== 0) return -EINVAL;
  if (!this.hasSlot(kvm, to_u64(gpa))) return -EFAULT;
  if (kvm.vcpus.some((id) => m.vcpu[id].pvsched?.active === true && m.vcpu[id].pvsched?.gpa === gpa)) return -EBUSY;
  const before = vcpu.pvsched;
  const baseline = this.pvsched_default_ops_capture(m.task[vcpu.pid]);
  if (baseline === null) return -EOPNOTSUPP;
  const us = (name: 'cs_budget_us' | 'generic_budget_us' | 'idle_hold_us'): u64 =>
    mul(to_u64(knobValue(m, name, knobs[name])), to_u64(1000));
  const accounting = this.pvsched_runtime_accounting_init(
    us('cs_budget_us'),
    us('generic_budget_us'),
    this.ktime_get(),
  );
  if (accounting === null || !this.pvsched_default_policy_config_valid()) return -EINVAL;

  const status = this.pvsched_negotiate_default(vcpu, gpa);
  this.pvsched_shm_bridge_publish_response(vcpu, gpa, status);
  if (status !== PVSCHED_STATUS_ENABLED) return -EPROTO;
  vcpu.pvsched = {
    ...{ task: vcpu.pid, gpa, active: true, position: PVSCHED_RUNNER_QEMU, accounting, baseline },
    ...{ applied: { ...baseline, prio: { ...baseline.prio } }, applied_class: PVSCHED_CLASS_BASELINE },
    expected_nice: baseline.prio.nice,
    last_guest_area: { task_intent: ZERO, cs_state: ZERO, interrupt_ack: ZERO, reserved: false },
    last_guest_area_valid: false,
    ...{ reasons: 0, interrupt_ticket: ZERO, last_ticket: before?.last_ticket ?? ZERO },
    ...{ idle_hold_ns: us('idle_hold_us'), idle_hold_end_ns: ZERO, idle_holding: false },
    deboost_notify: knobValue(m, 'deboost_notify', knobs.deboost_notify) !== 0,
    cutoff_timer: before?.cutoff_timer ?? this.hrtimer_init('pvsched_cutoff_timer', vcpu.id),
    ...{ inject_work: -1, restore_failed: false, last_fault: 0 },
  };
  return 0;
}

/** virt/pvsched/lifecycle.c: PVSCHED_DETACH_SHM, new: the thread has its baseline back, and the guest can tell. */
export function pvsched_detach_shm(this: pvsched_v3, vcpu: kvm_vcpu): void {
  const r = vcpu.pvsched;
  if (r?.active !== true) return;
  this.pvsched_deactivate_locked(vcpu, r);
  this.pvsched_restore_locked(r);
}

/** The VMM's device: its doorbell was rung by this vCPU. */
export function pvschedDoorbell(this: pvsched_v3, vcpu: kvm_vcpu, gpa: number): void {
  if (knobValue(this.m, 'pvsched', knobs.pvsched) === 0 || vcpu.pid === NULL) return;
  this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_RUN_LEAVE, 0);
  // an address that is no page changes nothing
  const bad = gpa !== 0 && (gpa % PVSCHED_VCPU_STRIDE !== 0 || !this.hasSlot(this.m.kvm[vcpu.kvm], to_u64(gpa)));
  if (!bad) this.pvsched_detach_shm(vcpu);
  if (!bad && gpa !== 0) this.pvsched_attach_shm(vcpu, gpa);
  this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_RUN_ENTER, 0);
}

/** arch/x86/kvm/x86.c: kvm_set_msr_common(); see DV-664 */
export function kvm_set_msr_common(this: pvsched_v3, vcpu: kvm_vcpu, msr_info: msr_data): number {
  if (msr_info.index === MSR_PVSCHED_KICK) return 0;
  if (msr_info.index !== MSR_PVSCHED_DOORBELL) return setBefore.call(this, vcpu, msr_info);
  if (this.memoryOf(this.m.kvm[vcpu.kvm]) !== null) this.pvschedDoorbell(vcpu, toNumber(msr_info.data));
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_get_msr_common() */
export function kvm_get_msr_common(this: pvsched_v3, vcpu: kvm_vcpu, msr_info: msr_data): number {
  if (msr_info.index !== MSR_PVSCHED_DOORBELL && msr_info.index !== MSR_PVSCHED_KICK)
    return getBefore.call(this, vcpu, msr_info);
  msr_info.data = ZERO;
  return 0;
}

/** __do_cpuid_func(). MODEL: that there is the PCI device is bit 18, which v1 had. */
export function __do_cpuid_funcKvmFeatures(this: pvsched_v3): u32 {
  return featuresBefore.call(this) | (1 << KVM_FEATURE_PV_SCHED);
}

export default {
  subject: 'pvsched: attach a page of a guest',
  funcs: { kvm_set_msr_common, kvm_get_msr_common, __do_cpuid_funcKvmFeatures },
  adds: {
    pvsched_negotiate_default,
    pvsched_shm_bridge_publish_response,
    pvsched_attach_shm,
    pvsched_detach_shm,
    pvschedDoorbell,
  },
  knobs,
} satisfies Patch<Adds>;
