// SPDX-License-Identifier: GPL-2.0-only
/** VMs and their vCPU threads, as a VMM sets them up, and the guests' own world. */

import { createActor, type GuestVm } from '../guest/actor.js';
import { type GuestKernel, newGuestCpu, newGuestTask } from '../guest/guest-kernel.js';
import type { Program } from '../guest/instructions.js';
import { newIrqCpu } from '../irq/preempt.js';
import { newGuestMemory } from '../kvm/guest-memory.js';
import type { kvm_ptr } from '../kvm/kvm_host.js';
import type { GuestKernelSpec, Scenario, VmSpec } from '../scenario/scenario.js';
import { forkTask } from '../sched/boot-sched.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import type { Architecture } from './architecture.js';
import { guestBooted } from './guest-kernel.js';
import { POLICY } from './policies.js';
import type { machine } from './state.js';

/** Creates every VM of the scenario; `register` gives a thread its program. */
export function bootVms(
  k: vmlinux_x86,
  m: machine,
  architecture: Architecture,
  scenario: Scenario,
  register: (task: number, program: Program | undefined, vcpu: number) => void,
  bootGuest: (scenario: Scenario) => machine,
): void {
  for (const spec of scenario.vms ?? []) {
    const kvm = architecture.bootVm(k, spec);
    m.vmNames.push(spec.name);
    m.guest.push({ ...guestWorld(spec), ...architecture.guest() });
    if (spec.kernel !== undefined || spec.memory === true) m.guest[kvm].memory = newGuestMemory();
    if (m.guest[kvm].memory !== undefined) architecture.vmm(k, kvm);
    if (spec.kernel !== undefined) m.guest[kvm].os = guestKernel(k, architecture, kvm, spec, bootGuest);
    m.kvm[kvm].vcpus.forEach((vcpu, i) => {
      const cpus = cpusOf(spec, i) ?? m.rq.map((rq) => rq.cpu);
      m.cpu = cpus[0];
      const p = forkTask(k, {
        comm: `${spec.name}/${i}`,
        pid: 100 + m.task.length,
        nice: spec.nice ?? 0,
        group: groupOf(m, spec, i),
        cpus,
      });
      architecture.vcpuThread(k, p, m.vcpu[vcpu]);
      if (spec.policy !== undefined) k.sched_setscheduler(p, POLICY[spec.policy], spec.rt_priority ?? 0);
      register(p.id, programOf(spec, i), vcpu);
      Object.assign(m.actor[p.id], architecture.actor());
    });
  }
}

function cpusOf(spec: VmSpec, vcpu: number): number[] | undefined {
  const cpus = spec.cpus;
  return cpus !== undefined && Array.isArray(cpus[0]) ? (cpus as number[][])[vcpu] : (cpus as number[] | undefined);
}

function groupOf(m: machine, spec: VmSpec, vcpu: number): number {
  const name = Array.isArray(spec.group) ? spec.group[vcpu] : spec.group;
  return name === undefined ? 0 : m.groupNames.indexOf(name);
}

function programOf(spec: VmSpec, vcpu: number): Program | undefined {
  const programs = spec.programs;
  if (programs === undefined) return undefined;
  return Array.isArray(programs[0]) ? (programs as Program[])[vcpu] : (programs as Program);
}

/** The guest's kernel has booted on its vCPUs, whose first exits are still to come. */
function guestKernel(
  k: vmlinux_x86,
  architecture: Architecture,
  kvm: kvm_ptr,
  vm: VmSpec,
  bootGuest: (scenario: Scenario) => machine,
): GuestKernel {
  const spec = vm.kernel as GuestKernelSpec;
  const { preempt, pv_sched: _, ...rest } = spec;
  const m = bootGuest({ ...rest, cpus: vm.vcpus });
  m.vmNames.push(vm.name);
  // init_idle_preempt_count()
  m.irq_cpu = m.rq.map((rq) => ({ ...newIrqCpu(), preempt_count: rq.curr === rq.idle ? 1 : 0 }));
  if (preempt === 'full') m.preempt_full = true;
  const own = architecture.guestKernel(k, m, spec);
  const os: GuestKernel = { ...own, vm: kvm, m, cpu: m.rq.map(newGuestCpu), task: m.task.map(newGuestTask) };
  guestBooted(k, os);
  // threads of its kernel, which has made them while it booted
  for (let id = m.actor.length; id < m.task.length; id++) {
    m.actor[id] = createActor(-1);
    m.vcpuOfTask[id] = NULL;
    os.task[id] = newGuestTask();
  }
  return os;
}

/** As many locks as the programs name. */
function guestWorld(spec: VmSpec): GuestVm {
  let locks = 0;
  for (let i = 0; i < spec.vcpus; i++) {
    for (const it of programOf(spec, i) ?? []) if (it.op === 'lock') locks = Math.max(locks, it.lock + 1);
  }
  return {
    lockKind: spec.lockKind ?? 'tas',
    locks: Array.from({ length: locks }, () => ({ holder: -1, queue: [] })),
    handler_ns: spec.handler_ns ?? 2000,
  };
}
