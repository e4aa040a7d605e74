// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 8/8] irq: boost/unboost in irq/nmi entry/exit and softirq
 *
 * The guest asks to be boosted on the way into whatever interrupts it, and no longer on the way out if nothing urgent is left.
 */
import {
  irqentry_enter as enterBefore,
  irqentry_exit as exitBefore,
  irqentry_nmi_enter as nmiEnterBefore,
  irqentry_nmi_exit as nmiExitBefore,
} from '../../irq/common.js';
import { HARDIRQ_MASK } from '../../irq/preempt.js';
import { __do_softirq as softirqBefore, softirq_handle_end as softirqEndBefore } from '../../irq/softirq.js';
import type { bool, u32 } from '../../lib/types.js';
import type { Patch } from '../series.js';
import { aboveFair } from './0007-sched-core-boost-unboost-in-guest-scheduler.js';
import type { Adds, pvsched } from './adds.js';

const nothingUrgent = (k: pvsched): bool => !k.need_resched() && !aboveFair(k, k.get_current());

/** kernel/entry/common.c: irqentry_enter() */
export function irqentry_enter(this: pvsched): void {
  if (this.pv_sched_enabled()) this.pv_sched_boost_vcpu_lazy();
  enterBefore.call(this);
}

/** kernel/entry/common.c: irqentry_exit() */
export function irqentry_exit(this: pvsched): void {
  const current = this.get_current();
  exitBefore.call(this);
  if (!this.pv_sched_enabled()) return;
  if (this.get_current().id !== current.id || this.notReturned(current)) {
    this.whenBack(current, 'irqentry_exitUnboost');
    return;
  }
  this.irqentry_exitUnboost();
}

/** irqentry_exit(): its end, as soon as the interrupted task is back. */
export function irqentry_exitUnboost(this: pvsched): void {
  if (this.local_softirq_pending() === 0 && nothingUrgent(this)) this.pv_sched_unboost_vcpu();
}

/** kernel/entry/common.c: irqentry_nmi_enter() */
export function irqentry_nmi_enter(this: pvsched): void {
  nmiEnterBefore.call(this);
  if (this.pv_sched_enabled()) this.pv_sched_boost_vcpu_lazy();
}

/**
 * kernel/entry/common.c: irqentry_nmi_exit()
 *
 * As posted: an NMI counts as a hardirq until it has been left, so that this never unboosts.
 */
export function irqentry_nmi_exit(this: pvsched): void {
  const inHardirq = (this.preempt_count() & HARDIRQ_MASK) !== 0;
  if (this.pv_sched_enabled() && !inHardirq && this.local_softirq_pending() === 0 && nothingUrgent(this)) {
    this.pv_sched_unboost_vcpu();
  }
  nmiExitBefore.call(this);
}

/** kernel/softirq.c: __do_softirq() */
export function __do_softirq(this: pvsched): u32 {
  if (this.pv_sched_enabled()) this.pv_sched_boost_vcpu_lazy();
  return softirqBefore.call(this);
}

/** kernel/softirq.c: softirq_handle_end(). As posted: in front of it, where preemption is disabled, so that the host hears of nothing. */
export function softirq_handle_end(this: pvsched): void {
  if (this.pv_sched_enabled() && nothingUrgent(this)) this.pv_sched_unboost_vcpu();
  softirqEndBefore.call(this);
}

export default {
  subject: 'irq: boost/unboost in irq/nmi entry/exit and softirq',
  funcs: { irqentry_enter, irqentry_exit, irqentry_nmi_enter, irqentry_nmi_exit, __do_softirq, softirq_handle_end },
  adds: { irqentry_exitUnboost },
} satisfies Patch<Adds>;
