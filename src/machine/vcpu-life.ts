// SPDX-License-Identifier: GPL-2.0-only
/**
 * The life of a vCPU: where it can be, and what brings it elsewhere, in terms of what the kernel does.
 *
 *   outside    not in KVM_RUN
 *   exited     on a CPU, in the kernel: handling an exit, or on its way in
 *   inGuest    on a CPU, vcpu->mode IN_GUEST_MODE
 *   polling    on a CPU, in the polling phase of kvm_vcpu_halt()
 *   blocked    asleep in kvm_vcpu_block(): rcuwait published, state INTERRUPTIBLE
 *   dozing     asleep at a PAUSE exit, as kernels before v2.6.39 have it; whatever wakes the vCPU ends it
 *   woken      runnable after a block, not yet on a CPU (ready, not preempted)
 *   preempted  descheduled while runnable: preempted and ready
 *   waiting    runnable and off its CPU outside KVM_RUN, or before the first
 */
import type { kvm_vcpu } from '../arch/x86/kvm_host.js';
import { IN_GUEST_MODE } from '../kvm/kvm_host.js';
import { NULL } from '../sched/sched.js';
import { type LifeConfig, lifeTable } from './life-table.js';
import type { machine } from './state.js';

export type VcpuState =
  | 'outside'
  | 'waiting'
  | 'exited'
  | 'inGuest'
  | 'polling'
  | 'blocked'
  | 'dozing'
  | 'woken'
  | 'preempted';
export type VcpuEvent =
  | 'run'
  | 'leave'
  | 'entry'
  | 'exit'
  | 'poll'
  | 'pollEnd'
  | 'block'
  | 'doze'
  | 'wake'
  | 'schedOut'
  | 'schedIn';

export const vcpuLifeConfig: LifeConfig<VcpuState, VcpuEvent> = {
  id: 'vcpu',
  initial: 'waiting',
  states: {
    waiting: { on: { schedIn: 'outside' } },
    outside: { on: { run: 'exited', schedOut: 'waiting' } },
    exited: {
      on: {
        entry: 'inGuest',
        poll: 'polling',
        block: 'blocked',
        doze: 'dozing',
        schedOut: 'preempted',
        leave: 'outside',
      },
    },
    inGuest: {
      on: { exit: 'exited' },
      meta: {
        may: [
          'step',
          'pause',
          'hlt',
          'wfi',
          'wfe',
          'wfit',
          'wfet',
          'diag44',
          'diag9c',
          'enabledWait',
          'ipi',
          'icr',
          'eoi',
          'cpl',
          'if',
          'hypercall',
          'intr',
        ],
      },
    },
    polling: { on: { pollEnd: 'exited', block: 'blocked', schedOut: 'preempted' }, meta: { may: ['pollEnd'] } },
    blocked: { on: { wake: 'woken' } },
    dozing: { on: { wake: 'woken' } },
    woken: { on: { schedIn: 'exited' } },
    preempted: { on: { schedIn: 'exited', wake: 'preempted' } },
  },
};

export const vcpuLife = lifeTable(vcpuLifeConfig);

const isDoze = ({ fn }: { fn: string }): boolean => fn === 'kvm_vcpu_on_spinSlept';

/** Where a vCPU is, from the kernel's own fields. */
export function vcpuStateOf(m: machine, vcpu: kvm_vcpu): VcpuState {
  if (vcpu.pid === NULL) return 'waiting';
  const p = m.task[vcpu.pid];
  const onCpu = m.rq[p.cpu].curr === p.id;
  if (!vcpu.wants_to_run) return onCpu ? 'outside' : 'waiting';
  if (onCpu) {
    if (vcpu.mode === IN_GUEST_MODE) return 'inGuest';
    return vcpu.halt.polling ? 'polling' : 'exited';
  }
  if (vcpu.preempted) return 'preempted';
  if (p.__state !== 0) return p.kernel_stack.some(isDoze) ? 'dozing' : 'blocked';
  return 'woken';
}
