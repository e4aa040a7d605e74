// SPDX-License-Identifier: GPL-2.0-only
/**
 * What the APICs call, on the model's side: the same small stand-ins as src/native/c/lapic/shims.c, recorded alike.
 *
 * What of the model is replaced here is not held against C: kvm_intel and kvm_amd, kicks and requests to many.
 */
import { KVM_REQ_EVENT, type kvm, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { KVM_REQUEST_MASK } from '../../kvm/kvm_host.js';
import type { int_out, kvm_lapic } from '../../lapic/lapic.js';
import { ERANGE } from '../../lib/errno.js';
import { gt, shr, sub, to_u32, type u64 as U64, ZERO } from '../../lib/types.js';
import { APIC_CALLS, APIC_FLAGS } from '../../operation/apic.js';
import type { AnyFunction, Kernel } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/** Everything around the APICs that is neither in the machine nor the kernel's. */
export interface ApicWorld {
  /** as CREATE says */
  flags: number;
  /** calls of the current operation, four words each: call, vCPU, a, b */
  calls: number[];
  /** what the last access read */
  data: U64;
  /** KVM_GET_LAPIC and KVM_SET_LAPIC */
  staged: number[];
  /** posted-interrupt requests, by vCPU */
  pir: number[][];
}

export function newApicWorld(): ApicWorld {
  return { flags: 0, calls: [], data: ZERO, staged: new Array<number>(256).fill(0), pir: [] };
}

const CALL = Object.fromEntries(APIC_CALLS.map((name, code) => [name, code])) as Record<
  (typeof APIC_CALLS)[number],
  number
>;
const NOBODY = 0xffff_ffff;

type Log = (call: number, vcpu: number, a?: number, b?: number) => void;

const log64 = (log: Log, call: number, vcpu: number, x: U64): void => log(call, vcpu, to_u32(x), to_u32(shr(x, 32)));

/** virt/kvm/kvm_main.c: kicks and requests to many. */
function requests(log: Log): Record<string, AnyFunction> {
  return {
    kvm_vcpu_kick: (vcpu: kvm_vcpu) => log(CALL.KICK, vcpu.id),
    kvm_make_all_cpus_request(this: vmlinux_x86, kvm: kvm, req: number): boolean {
      log(CALL.REQUEST_ALL, NOBODY, req & KVM_REQUEST_MASK);
      for (const id of kvm.vcpus) this.__kvm_make_request(req, this.m.vcpu[id]);
      return false;
    },
    kvm_make_vcpus_request_mask(this: vmlinux_x86, kvm: kvm, req: number, idx: readonly number[]): boolean {
      const mask = idx.reduce((bits, i) => bits | (1 << i), 0);
      log(CALL.REQUEST_MASK, NOBODY, req & KVM_REQUEST_MASK, mask);
      for (const i of idx) this.__kvm_make_request(req, this.m.vcpu[kvm.vcpus[i]]);
      return false;
    },
  };
}

/** The vendor's module: it posts to a descriptor with APICv, and sets IRR without. */
function delivery(w: ApicWorld, log: Log): Record<string, AnyFunction> {
  return {
    kvm_x86_deliver_interrupt(
      this: vmlinux_x86,
      apic: kvm_lapic,
      mode: number,
      trig_mode: number,
      vector: number,
    ): void {
      const vcpu = this.m.vcpu[apic.vcpu];
      log(CALL.DELIVER_INTERRUPT, vcpu.id, mode | vector, trig_mode);
      if (apic.apicv_active) {
        w.pir[vcpu.id][vector >> 5] = (w.pir[vcpu.id][vector >> 5] | (1 << (vector & 31))) >>> 0;
        return;
      }
      this.kvm_lapic_set_irr(vector, apic);
      this.kvm_make_request(KVM_REQ_EVENT, vcpu);
      this.kvm_vcpu_kick(vcpu);
    },
    kvm_x86_sync_pir_to_irr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
      if ((w.flags & APIC_FLAGS.POSTING) === 0) return -1;
      log(CALL.SYNC_PIR_TO_IRR, vcpu.id);
      const max_irr: int_out = { value: -1 };
      this.kvm_apic_update_irr(vcpu, w.pir[vcpu.id], max_irr);
      return max_irr.value;
    },
    kvm_x86_apicv_pre_state_restore(vcpu: kvm_vcpu): void {
      log(CALL.APICV_PRE_RESTORE, vcpu.id);
      w.pir[vcpu.id].fill(0);
    },
    kvm_x86_set_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu, deadline: U64, expired: { value: boolean }): number {
      const now = this.kvm_read_l1_tsc(vcpu, this.rdtsc());
      log64(log, CALL.SET_HV_TIMER, vcpu.id, deadline);
      if (gt(deadline, now) && shr(sub(deadline, now), 40) !== ZERO) return -ERANGE;
      expired.value = !gt(deadline, now);
      return 0;
    },
  };
}

/** What the vendor's module is only told, and what it is asked. */
function vendor(w: ApicWorld, log: Log): Record<string, AnyFunction> {
  const told =
    (call: number) =>
    (vcpu: kvm_vcpu): void =>
      log(call, vcpu.id);
  const has = (flag: number) => (): boolean => (w.flags & flag) !== 0;
  return {
    hasSyncPirToIrr: has(APIC_FLAGS.POSTING),
    hasUpdateCr8Intercept: has(APIC_FLAGS.CR8_INTERCEPT),
    hasSetHvTimer: has(APIC_FLAGS.HV_TIMER),
    isX2apicIcrSplit: has(APIC_FLAGS.ICR_SPLIT),
    kvm_x86_required_apicv_inhibits: () => 0x1fff,
    kvm_x86_vcpu_get_apicv_inhibit_reasons: () => 0,
    kvm_x86_apic_init_signal_blocked: () => false,
    kvm_x86_get_nmi_mask: () => false,
    kvm_x86_hwapic_irr_update: (vcpu: kvm_vcpu, irr: number) => log(CALL.HWAPIC_IRR_UPDATE, vcpu.id, irr),
    kvm_x86_hwapic_isr_update: (vcpu: kvm_vcpu, isr: number) => log(CALL.HWAPIC_ISR_UPDATE, vcpu.id, isr),
    kvm_x86_update_cr8_intercept: (vcpu: kvm_vcpu, tpr: number, irr: number) =>
      log(CALL.UPDATE_CR8_INTERCEPT, vcpu.id, tpr, irr),
    kvm_x86_set_virtual_apic_mode: told(CALL.SET_VIRTUAL_APIC_MODE),
    kvm_x86_refresh_apicv_exec_ctrl: told(CALL.REFRESH_APICV),
    kvm_x86_apicv_post_state_restore: told(CALL.APICV_POST_RESTORE),
    kvm_x86_cancel_hv_timer: told(CALL.CANCEL_HV_TIMER),
    kvm_x86_vcpu_deliver_sipi_vector: (vcpu: kvm_vcpu, vector: number) => log(CALL.DELIVER_SIPI, vcpu.id, vector),
    kvm_x86_vcpu_reset: (vcpu: kvm_vcpu, init_event: boolean) => log(CALL.VCPU_RESET, vcpu.id, init_event ? 1 : 0),
    __delay(this: vmlinux_x86, loops: U64): void {
      log64(log, CALL.DELAY, this.m.kvm_running_vcpu[0], loops);
    },
  };
}

/** What is recorded and then done as in the kernel. */
function recorded(kernel: Kernel, log: Log): Record<string, AnyFunction> {
  const noting = (name: string, note: (k: vmlinux_x86, args: readonly never[]) => void): AnyFunction => {
    const original = kernel.table[name];
    return function (this: unknown, ...args: unknown[]) {
      note(this as vmlinux_x86, args as never[]);
      return original.apply(this, args);
    };
  };
  // The other timer is the IOAPIC's delayed work.
  const timer = (k: vmlinux_x86, id: number, call: number, at: U64): void => {
    const { owner, function: callback } = k.m.hrtimer[id];
    if (callback === 'apic_timer_fn') log64(log, call, owner, at);
  };
  return {
    kvm_pic_read_irq: noting('kvm_pic_read_irq', () => log(CALL.PIC_READ_IRQ, NOBODY)),
    pv_eoi_get_user: noting('pv_eoi_get_user', (_, [vcpu]) => log(CALL.PV_EOI_READ, (vcpu as kvm_vcpu).id)),
    pv_eoi_put_user: noting('pv_eoi_put_user', (_, [vcpu, value]) =>
      log(CALL.PV_EOI_WRITE, (vcpu as kvm_vcpu).id, value),
    ),
    hrtimer_start: noting('hrtimer_start', (k, [id, at]) => timer(k, id, CALL.HRTIMER_START, at)),
    hrtimer_cancel: noting('hrtimer_cancel', (k, [id]) => timer(k, id, CALL.HRTIMER_CANCEL, ZERO)),
  };
}

/** The kernel with the stand-ins, which record to `w`. */
export function shimmedKernel(kernel: Kernel, w: ApicWorld): Kernel {
  const log: Log = (call, vcpu, a = 0, b = 0) => {
    w.calls.push(call, vcpu, a >>> 0, b >>> 0);
  };
  const shims = { ...requests(log), ...delivery(w, log), ...vendor(w, log), ...recorded(kernel, log) };
  for (const name of Object.keys(shims)) {
    if (kernel.table[name] === undefined) throw new Error(`${kernel.name} has no ${name}()`);
  }
  return { ...kernel, table: Object.freeze({ ...kernel.table, ...shims }) };
}
