// SPDX-License-Identifier: GPL-2.0-only
/** The functions that v6.19-rc1 has and the pin lacks, and the kernel as its functions see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type * as change from './change.js';
import type * as core from './core.js';
import type * as deadline from './deadline.js';
import type * as eevdf from './eevdf.js';
import type * as fair from './fair.js';
import type * as interrupts from './kvm_interrupts.js';
import type * as x86 from './kvm_x86.js';

export interface Adds {
  avg_vruntime_update: typeof eevdf.avg_vruntime_update;
  update_protect_slice: typeof eevdf.update_protect_slice;
  __pick_eevdf: typeof eevdf.__pick_eevdf;
  update_se: typeof fair.update_se;
  set_preempt_buddy: typeof fair.set_preempt_buddy;
  preempt_sync: typeof fair.preempt_sync;
  dynamic_preempt_lazy: typeof core.dynamic_preempt_lazy;
  get_lazy_tif_bit: typeof core.get_lazy_tif_bit;
  __resched_curr: typeof core.__resched_curr;
  resched_curr_lazy: typeof core.resched_curr_lazy;
  switching_from_fair: typeof change.switching_from_fair;
  sched_change_begin: typeof change.sched_change_begin;
  sched_change_end: typeof change.sched_change_end;
  sched_init_dl_servers: typeof deadline.sched_init_dl_servers;
  classUpdateCurr: typeof deadline.classUpdateCurr;
  update_curr_idle: typeof deadline.update_curr_idle;
  dl_server_update_idle: typeof deadline.dl_server_update_idle;
  vmx_get_cpl_no_cache: typeof x86.vmx_get_cpl_no_cache;
  kvm_x86_get_cpl_no_cache: typeof x86.kvm_x86_get_cpl_no_cache;
  kvm_set_mp_state: typeof x86.kvm_set_mp_state;
  __kvm_x2apic_icr_write: typeof x86.__kvm_x2apic_icr_write;
  kvm_x2apic_icr_write_fast: typeof x86.kvm_x2apic_icr_write_fast;
  kvm_scan_ioapic_irq: typeof interrupts.kvm_scan_ioapic_irq;
}

export type vmlinux_6_19 = vmlinux_x86 & Adds;
