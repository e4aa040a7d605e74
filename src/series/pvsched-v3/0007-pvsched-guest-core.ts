// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: the guest
 *
 * Each CPU of the guest has a page: what runs there, what is to run next and is more urgent, what kind of interrupt it is in. It makes
 * its host look when something urgent is over. In the host the same code runs with nothing published.
 */
import { kvm_guest_cpu_init as cpuInitBefore, kvm_guest_init as initBefore } from '../../arch/x86/kvm.js';
import { KVM_FEATURE_PV_SCHED } from '../../arch/x86/kvm_host.js';
import { HARDIRQ_MASK, NMI_MASK, SOFTIRQ_MASK } from '../../irq/preempt.js';
import {
  softirq_handle_begin as beginBefore,
  softirq_handle_end as endBefore,
  irq_enter_rcu as enterBefore,
  __irq_exit_rcu as exitBefore,
} from '../../irq/softirq.js';
import { type guest_memory, loadWord } from '../../kvm/guest-memory.js';
import { and, type bool, or, shl, to_u32, u64 as to_u64, type u64, ZERO } from '../../lib/types.js';
import {
  MAX_PRIO,
  MAX_RT_PRIO,
  NICE_TO_PRIO,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
  type task_struct,
} from '../../sched/sched.js';
import { trace_sched_switch as switchBefore, trace_sched_wakeup as wakeupBefore } from '../../trace/sched.js';
import type { Patch } from '../series.js';
import {
  descOf,
  flagsOf,
  PVSCHED_CLASS_CS,
  PVSCHED_INTENT_FLAG_IDLE,
  PVSCHED_INTENT_FLAG_PENDING_VALID,
  type pvsched_prio_desc,
} from './0003-pvsched-default-policy.js';
import {
  APPLIED_BOOST,
  APPLIED_HINTS,
  PAGE_APPLIED_STATE,
  PAGE_CS_STATE,
  PAGE_INTERRUPT_ACK,
  PAGE_INTERRUPT_TICKET,
  PAGE_STATUS,
  PAGE_TASK_INTENT,
  PVSCHED_HINT_KICK_DEBOOST,
  PVSCHED_STATUS_ENABLED,
} from './0004-pvsched-runner-runtime.js';
import {
  DEFAULT_POLICY,
  MSR_PVSCHED_DOORBELL,
  MSR_PVSCHED_KICK,
  PVSCHED_VCPU_STRIDE,
} from './0006-pvsched-attach-a-page-of-a-guest.js';
import type { Adds, pvsched_v3 } from './adds.js';

declare module '../../vmlinux/vmlinux.js' {
  interface kernel_state {
    /** of a kernel in a guest: its probes are registered. MODEL: before the first page is enabled; each looks at its page */
    pvsched_publishing?: boolean;
    /** task_intent of each CPU, as the guest has written it. MODEL: it does not read that word back from the page */
    pvsched_intent?: u64[];
  }
}

/** Where the pages are in the guest's memory. MODEL: at fixed addresses. */
export const PVSCHED_GPA = 0x20_0000;
export const pvschedGpa = (cpu: number): number => PVSCHED_GPA + PVSCHED_VCPU_STRIDE * cpu;

const HINT = PVSCHED_HINT_KICK_DEBOOST * 2 ** APPLIED_HINTS;
/** the hint, and nothing but a critical section's boost beside it */
const CS_BOOST = { mask: HINT + 0xff * 2 ** APPLIED_BOOST, value: HINT + PVSCHED_CLASS_CS * 2 ** APPLIED_BOOST };

const CS_NMI = 1;
const CS_HARDIRQ = 2;
const CS_SOFTIRQ = 4;

/** virt/pvsched/guest.c: pvsched_guest_active(), new: the host serves this CPU's page. */
export function pvsched_guest_active(this: pvsched_v3, cpu: number): bool {
  if (this.m.pvsched_publishing !== true) return false;
  // RACE: whoever sees the status sees what the host wrote before
  return to_u32(loadWord(this.ram as guest_memory, pvschedGpa(cpu) + PAGE_STATUS)) === PVSCHED_STATUS_ENABLED;
}

/** virt/pvsched/guest.c: pvsched_guest_desc(), new */
export function pvsched_guest_desc(this: pvsched_v3, p: task_struct): pvsched_prio_desc {
  switch (p.policy) {
    case SCHED_FIFO:
    case SCHED_RR:
      return { sched_policy: p.policy, nice: 0, rt_prio: p.rt_priority };
    case SCHED_IDLE:
    case SCHED_DEADLINE:
      return { sched_policy: p.policy, nice: 0, rt_prio: 0 };
    case SCHED_BATCH:
      return { sched_policy: SCHED_BATCH, nice: this.task_nice(p), rt_prio: 0 };
    default:
      return { sched_policy: SCHED_NORMAL, nice: this.task_nice(p), rt_prio: 0 };
  }
}

/** virt/pvsched/guest.c: pvsched_guest_urgency(), new: the lower the more urgent. */
export function pvsched_guest_urgency(this: pvsched_v3, desc: pvsched_prio_desc): number {
  switch (desc.sched_policy) {
    case SCHED_DEADLINE:
      return 0;
    case SCHED_FIFO:
    case SCHED_RR:
      return MAX_RT_PRIO - desc.rt_prio;
    case SCHED_IDLE:
      return MAX_PRIO;
    default:
      return NICE_TO_PRIO(desc.nice);
  }
}

/** virt/pvsched/guest.c: pvsched_guest_best(), new */
export function pvsched_guest_best(this: pvsched_v3, intent: u64): number {
  const current = this.pvsched_guest_urgency(descOf(intent, 0));
  if ((flagsOf(intent) & PVSCHED_INTENT_FLAG_PENDING_VALID) === 0) return current;
  return Math.min(current, this.pvsched_guest_urgency(descOf(intent, 3)));
}

const encode = ({ sched_policy, nice, rt_prio }: pvsched_prio_desc, from: 0 | 3): u64 =>
  shl(to_u64(sched_policy + (nice & 0xff) * 0x100 + rt_prio * 0x1_0000), 8 * from);

/** A whole word of this CPU's page, or of another's. */
function store(k: pvsched_v3, cpu: number, at: number, value: u64): void {
  k.this_irq_cpu().ops.push({ op: 'store64', gpa: pvschedGpa(cpu) + at, word: value });
}

function publishIntent(k: pvsched_v3, cpu: number, intent: u64): void {
  k.m.pvsched_intent ??= [];
  k.m.pvsched_intent[cpu] = intent;
  store(k, cpu, PAGE_TASK_INTENT, intent);
}

const intentOf = (k: pvsched_v3, cpu: number): u64 => k.m.pvsched_intent?.[cpu] ?? ZERO;

/** virt/pvsched/guest.c: pvsched_guest_do_kick(), new: an exit, if the host has published that by then. */
export function pvsched_guest_do_kick(this: pvsched_v3, published: { mask: number; value: number }): void {
  const when = { gpa: pvschedGpa(this.m.cpu) + PAGE_APPLIED_STATE, ...published };
  this.this_irq_cpu().ops.push({ op: 'wrmsr', msr: MSR_PVSCHED_KICK, low: 0, high: 0, when });
}

/** virt/pvsched/guest.c: pvsched_guest_switch_probe(), new: what runs now; what was pending is not any more. */
export function pvsched_guest_switch_probe(this: pvsched_v3, next: task_struct): void {
  const { cpu } = this.m;
  if (!this.pvsched_guest_active(cpu)) return;
  const old = intentOf(this, cpu);
  const idle = this.is_idle_task(next);
  const intent = or(encode(this.pvsched_guest_desc(next), 0), shl(to_u64(idle ? PVSCHED_INTENT_FLAG_IDLE : 0), 48));
  publishIntent(this, cpu, intent);
  // WHY not on the way to idle: the HLT that follows is an exit by itself
  if (idle || this.pvsched_guest_best(intent) <= this.pvsched_guest_best(old)) return;
  this.pvsched_guest_do_kick({ mask: HINT, value: HINT });
}

/** virt/pvsched/guest.c: pvsched_guest_wakeup_probe(), new: who is woken there and is more urgent than what it knows of. */
export function pvsched_guest_wakeup_probe(this: pvsched_v3, p: task_struct): void {
  if (this.get_current().id === p.id || !this.pvsched_guest_active(p.cpu)) return;
  const intent = intentOf(this, p.cpu);
  const desc = this.pvsched_guest_desc(p);
  const urgency = this.pvsched_guest_urgency(desc);
  if (urgency >= this.pvsched_guest_urgency(descOf(intent, 0))) return;
  const hasPending = (flagsOf(intent) & PVSCHED_INTENT_FLAG_PENDING_VALID) !== 0;
  if (hasPending && urgency >= this.pvsched_guest_urgency(descOf(intent, 3))) return;
  const others = and(intent, to_u64(0xff_0000_00ff_ffffn));
  const flags = shl(to_u64(PVSCHED_INTENT_FLAG_PENDING_VALID), 48);
  publishIntent(this, p.cpu, or(or(others, flags), or(and(intent, shl(to_u64(2), 48)), encode(desc, 3))));
}

/** virt/pvsched/guest.c: __pvsched_guest_cs_update(), new: after each change of what this CPU's code is in. */
export function __pvsched_guest_cs_update(this: pvsched_v3): void {
  const { cpu } = this.m;
  if (!this.pvsched_guest_active(cpu)) return;
  const count = this.preempt_count();
  const cs =
    (count & NMI_MASK ? CS_NMI : 0) | (count & HARDIRQ_MASK ? CS_HARDIRQ : 0) | (count & SOFTIRQ_MASK ? CS_SOFTIRQ : 0);
  store(this, cpu, PAGE_CS_STATE, to_u64(cs));
  if (cs & CS_HARDIRQ) {
    // pvsched_guest_ack(). RACE: the host that sees it sees the critical section
    const gpa = pvschedGpa(cpu);
    this.this_irq_cpu().ops.push({ op: 'echo', from: gpa + PAGE_INTERRUPT_TICKET, to: gpa + PAGE_INTERRUPT_ACK });
    return;
  }
  if (cs !== 0 || this.local_softirq_pending() !== 0 || this.is_idle_task(this.get_current())) return;
  if (this.pvsched_guest_best(intentOf(this, cpu)) >= MAX_RT_PRIO) this.pvsched_guest_do_kick(CS_BOOST);
}

/** include/trace/events/sched.h: sched_switch, with the probe on it */
export function trace_sched_switch(
  this: pvsched_v3,
  preempt: boolean,
  prev: task_struct,
  next: task_struct,
  prev_state: number,
): void {
  if (this.m.pvsched_publishing === true) this.pvsched_guest_switch_probe(next);
  switchBefore.call(this, preempt, prev, next, prev_state);
}

/** include/trace/events/sched.h: sched_wakeup, with the probe on it */
export function trace_sched_wakeup(this: pvsched_v3, p: task_struct): void {
  if (this.m.pvsched_publishing === true) this.pvsched_guest_wakeup_probe(p);
  wakeupBefore.call(this, p);
}

/** kernel/softirq.c: irq_enter_rcu() */
export function irq_enter_rcu(this: pvsched_v3): void {
  enterBefore.call(this);
  if (this.m.pvsched_publishing === true) this.__pvsched_guest_cs_update();
}

/** kernel/softirq.c: __irq_exit_rcu(): whether softirqs are to run before the interrupt is left. */
export function __irq_exit_rcu(this: pvsched_v3): boolean {
  const softirqs = exitBefore.call(this);
  if (this.m.pvsched_publishing === true) this.__pvsched_guest_cs_update();
  return softirqs;
}

/** kernel/softirq.c: softirq_handle_begin() */
export function softirq_handle_begin(this: pvsched_v3): void {
  beginBefore.call(this);
  if (this.m.pvsched_publishing === true) this.__pvsched_guest_cs_update();
}

/** kernel/softirq.c: softirq_handle_end() */
export function softirq_handle_end(this: pvsched_v3): void {
  endBefore.call(this);
  if (this.m.pvsched_publishing === true) this.__pvsched_guest_cs_update();
}

/** arch/x86/kernel/kvm.c: kvm_guest_init(). MODEL: the driver of the device probes it here. */
export function kvm_guest_init(this: pvsched_v3): void {
  initBefore.call(this);
  if (this.kvm_para_has_feature(KVM_FEATURE_PV_SCHED)) this.m.pvsched_publishing = true;
}

/** arch/x86/kernel/kvm.c: kvm_guest_cpu_init(); and of virt/pvsched/guest.c, pvsched_guest_reset_page(), then the doorbell. */
export function kvm_guest_cpu_init(this: pvsched_v3): void {
  cpuInitBefore.call(this);
  if (this.m.pvsched_publishing !== true) return;
  const { cpu } = this.m;
  store(this, cpu, 0, to_u64(0x1_0000_0001));
  store(this, cpu, 8, DEFAULT_POLICY);
  for (const at of [PAGE_STATUS, PAGE_TASK_INTENT, PAGE_CS_STATE, PAGE_INTERRUPT_ACK]) store(this, cpu, at, ZERO);
  this.wrmsr(MSR_PVSCHED_DOORBELL, pvschedGpa(cpu), 0);
}

export default {
  subject: 'pvsched: the guest',
  funcs: {
    trace_sched_switch,
    trace_sched_wakeup,
    irq_enter_rcu,
    __irq_exit_rcu,
    softirq_handle_begin,
    softirq_handle_end,
    kvm_guest_init,
    kvm_guest_cpu_init,
  },
  adds: {
    pvsched_guest_active,
    pvsched_guest_desc,
    pvsched_guest_urgency,
    pvsched_guest_best,
    pvsched_guest_do_kick,
    pvsched_guest_switch_probe,
    pvsched_guest_wakeup_probe,
    __pvsched_guest_cs_update,
  },
} satisfies Patch<Adds>;
