// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a kernel for arm64 is in a guest: arch/arm64/kernel/setup.c, smp.c, time.c, arch/arm64/include/asm/spinlock.h, include/linux/cpuhotplug.h
 * (6.12.117): of its boot, the places in which paravirtualisation is set up, in their order.
 *
 * MODEL: it has booted before time begins, each CPU in turn; its hypercalls of that time are answered at once.
 */
import type { bool, u32, u64 } from '../../lib/types.js';
import { u64 as asU64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { SMCCC_RET_NOT_SUPPORTED } from './hypercalls.js';

/** Of a kernel in a guest: what of CPU hotplug its boot has set up. */
export interface guest_boot {
  /** functions of the table: called on a CPU that comes up, in its hotplug state "starting" */
  startup: string[];
  /** ... on one that goes down, in "dying" */
  teardown: string[];
  /** boot_cpu_hotplug_init() has been */
  boot_cpu_online: bool;
  /** CPUs on which the startup functions have returned an error: they do not come up */
  failed: number[];
}

/** arch/arm64/include/asm/spinlock.h: vcpu_is_preempted(): osq_lock(), which polls it in WFE, counts on nobody changing that. */
export function vcpu_is_preempted(this: vmlinux_arm64, _cpu: number): bool {
  return false;
}

/** include/linux/arm-smccc.h: arm_smccc_1_1_invoke(), by HVC: x0 of the answer; of a kernel on the hardware, no call is supported. */
export function arm_smccc_1_1_invoke(this: vmlinux_arm64, func_id: u32, a1: u64 = ZERO): u64 {
  return this.hvc === undefined ? SMCCC_RET_NOT_SUPPORTED : this.hvc(asU64(func_id), a1, ZERO, ZERO);
}

/** arch/arm64/kernel/setup.c: setup_arch() */
export function setup_arch(this: vmlinux_arm64): void {}

/** arch/arm64/kernel/time.c: time_init() */
export function time_init(this: vmlinux_arm64): void {}

/** arch/arm64/kernel/smp.c: smp_prepare_cpus() */
export function smp_prepare_cpus(this: vmlinux_arm64): void {}

/** init/main.c: do_pre_smp_initcalls() */
export function do_pre_smp_initcalls(this: vmlinux_arm64): void {}

/** kernel/cpu.c: boot_cpu_hotplug_init(): from here on the boot CPU is up for who asks. */
export function boot_cpu_hotplug_init(this: vmlinux_arm64): void {
  this.guestBoot().boot_cpu_online = true;
}

/** What the guest's boot has set up; made when it is first asked for. */
export function guestBoot(this: vmlinux_arm64): guest_boot {
  this.m.guest_boot ??= { startup: [], teardown: [], boot_cpu_online: false, failed: [] };
  return this.m.guest_boot;
}

/**
 * include/linux/cpuhotplug.h: cpuhp_setup_state(), of a state between "starting" and "dying": at once on the CPUs that are up, which is the boot CPU
 * or none; on the others as they come. 0 or an errno.
 */
export function cpuhp_setup_state(this: vmlinux_arm64, startup: string, teardown: string): number {
  const boot = this.guestBoot();
  const r = boot.boot_cpu_online ? this.cpuhp_invoke_callback(startup) : 0;
  if (r !== 0) return r;
  boot.startup.push(startup);
  boot.teardown.push(teardown);
  return 0;
}

/** kernel/cpu.c: cpuhp_invoke_callback(), on the executing CPU. */
export function cpuhp_invoke_callback(this: vmlinux_arm64, callback: string): number {
  return (this as unknown as Record<string, (cpu: number) => number>)[callback](this.m.cpu);
}

/** kernel/cpu.c: notify_cpu_starting(). MODEL: a failure is noted; Linux rolls no "starting" state back either. */
export function notify_cpu_starting(this: vmlinux_arm64, cpu: number): void {
  const boot = this.guestBoot();
  for (const callback of boot.startup) if (this.cpuhp_invoke_callback(callback) !== 0) boot.failed.push(cpu);
}

/** start_kernel() on vCPU 0, secondary_start_kernel() on the others. */
export function guestKernelBoots(this: vmlinux_arm64, vcpu: number): void {
  if (vcpu !== 0) {
    this.notify_cpu_starting(vcpu);
    return;
  }
  this.setup_arch();
  this.boot_cpu_hotplug_init();
  this.time_init();
  this.smp_prepare_cpus();
  this.do_pre_smp_initcalls();
}
