// SPDX-License-Identifier: GPL-2.0-only
/** The model's machine as the words that the native machine hands out (src/native/c/machine/machine.h), and their names. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import {
  KVM_REQ_APICV_UPDATE,
  KVM_REQ_EVENT,
  KVM_REQ_MIGRATE_TIMER,
  KVM_REQ_NMI,
  KVM_REQ_STEAL_UPDATE,
} from '../../arch/x86/kvm_host.js';
import { KVM_REQ_TLB_FLUSH, KVM_REQ_UNBLOCK, KVM_REQ_VM_DEAD, KVM_REQUEST_MASK } from '../../kvm/kvm_host.js';
import { and, type i64, or, shl, u64 as toU64, type u64, ZERO } from '../../lib/types.js';
import type { machine } from '../../machine/state.js';
import { wordName } from '../../native/format.js';
import type { MachineEngine } from '../../native/machine-engine.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { stateWords } from '../sched/state-words.js';

type Words = (number | bigint)[];
const w = (x: i64): number | bigint => x as unknown as number | bigint;

/** Requests that both have; those of memory, clocks and the PMU are the C code's alone. */
const REQUESTS: u64 = [
  ...[KVM_REQ_EVENT, KVM_REQ_UNBLOCK, KVM_REQ_NMI, KVM_REQ_STEAL_UPDATE, KVM_REQ_MIGRATE_TIMER],
  ...[KVM_REQ_APICV_UPDATE, KVM_REQ_TLB_FLUSH, KVM_REQ_VM_DEAD],
].reduce((mask, req) => or(mask, shl(toU64(1), req & KVM_REQUEST_MASK)), ZERO);

/** Registers of an APIC's page: 16 bytes apart. */
const APIC_REGS = 64;

const NOWHERE = -1;
const IN_GUEST = 1;
const POLLS = 2;
const BACK = 3;

function placeOf(k: vmlinux_x86, vcpu: kvm_vcpu): number {
  const p = k.m.rq.map((rq) => k.m.task[rq.curr]).find((it) => it.id === vcpu.pid || it.preempt_notifier === vcpu.id);
  if (p === undefined || p.kernel_stack.length === 0) return NOWHERE;
  if (k.waitsForExit(p)) return IN_GUEST;
  return k.waitsForTime(p) ? POLLS : BACK;
}

function vcpuWords(k: vmlinux_x86, firstTask: number, words: Words, vcpu: kvm_vcpu): void {
  const { arch, stat, spin_loop } = vcpu;
  const { apic } = arch;
  const timer = k.m.hrtimer[apic.lapic_timer.timer];
  const task = (id: number): number => (id === NULL ? NULL : id - firstTask);
  words.push(
    placeOf(k, vcpu),
    vcpu.cpu,
    task(vcpu.pid),
    vcpu.mode,
    w(and(vcpu.requests, REQUESTS)),
    task(vcpu.wait),
    Number(vcpu.wants_to_run),
    Number(vcpu.preempted),
    Number(vcpu.ready),
    Number(vcpu.scheduled_out),
    Number(spin_loop.in_spin_loop),
    Number(spin_loop.dy_eligible),
    vcpu.halt_poll_ns,
    vcpu.run.exit_reason,
    stat.halt_successful_poll,
    stat.halt_attempted_poll,
    stat.halt_poll_invalid,
    stat.halt_wakeup,
    w(stat.halt_poll_success_ns),
    w(stat.halt_poll_fail_ns),
    w(stat.halt_wait_ns),
    stat.blocking,
    stat.directed_yield_attempted,
    stat.directed_yield_successful,
    stat.preemption_reported,
    stat.preemption_other,
    stat.halt_exits,
    stat.hypercalls,
    stat.irq_injections,
    stat.req_event,
    stat.exits,
    stat.irq_exits,
    stat.irq_window_exits,
    stat.signal_exits,
    arch.mp_state,
    Number(arch.preempted_in_kernel),
    Number(arch.at_instruction_boundary),
    Number(arch.pv.pv_unhalted),
    Number(arch.interrupt.injected),
    arch.interrupt.nr,
    Number(arch.exception.pending),
    arch.nmi_pending,
    arch.cpl,
    Number(arch.if_flag),
    Number(arch.irq_window),
    arch.irq_frames.length,
    arch.ple_window,
    timer?.queued === 1 ? w(timer.expires) : NULL,
    apic.lapic_timer.pending,
    Number(apic.irr_pending),
    apic.isr_count,
    apic.highest_isr_cache,
  );
  for (let i = 0; i < APIC_REGS; i++) words.push(apic.regs[4 * i]);
}

/** All words of the machine that `k` is bound to; `reschedules` counts the IPIs sent to each CPU. */
export function machineWords(k: vmlinux_x86, reschedules: readonly number[]): Words {
  const m = k.m as machine;
  const firstTask = m.rq.length;
  const words = stateWords(k, firstTask, true, reschedules);
  for (const rq of m.rq) {
    const wakes = rq.wake_list.reduce((mask, id) => mask + 2 ** (id - firstTask), 0);
    words.push(m.kvm_running_vcpu[rq.cpu], m.host_irq[rq.cpu].length, wakes);
  }
  for (const kvm of m.kvm) words.push(kvm.last_boosted_vcpu);
  for (const vcpu of m.vcpu) vcpuWords(k, firstTask, words, vcpu);
  for (const p of m.task.slice(firstTask)) words.push(p.sched_task_group);
  words.push(m.kvm.length, m.vcpu.length);
  return words;
}

/** The name of word `index` of a state of either: `vcpu[1].halt_poll_ns`, `cpu[0].rq.curr`; null for one that cannot be compared. */
export function machineWordName(
  { schema, machine }: Pick<MachineEngine, 'schema' | 'machine'>,
  words: readonly (number | bigint)[],
  index: number,
): string | null {
  const counts = [words[2], words[3], words.at(-2), words.at(-1)].map(Number);
  const [cpus, tasks, vms, vcpus] = counts as [number, number, number, number];
  const names = [
    ...Array.from({ length: cpus }, (_, i) => machine.machine_cpu.map((name) => `cpu[${i}].${name}`)).flat(),
    ...Array.from({ length: vms }, (_, i) => machine.machine_vm.map((name) => `kvm[${i}].${name}`)).flat(),
    ...Array.from({ length: vcpus }, (_, i) => [
      ...machine.machine_vcpu.map((name) => `vcpu[${i}].${name}`),
      ...Array.from({ length: APIC_REGS }, (_, reg) => `vcpu[${i}].apic[0x${(16 * reg).toString(16)}]`),
    ]).flat(),
    ...Array.from({ length: tasks }, (_, i) => `t[${i}].group`),
    'vms',
    'vcpus',
  ];
  const behind = words.length - names.length;
  if (index >= behind) return names[index - behind]!;
  const name = wordName(schema, words, index, true);
  return schema.absent.includes(name.slice(name.lastIndexOf('.') + 1)) ? null : name;
}
