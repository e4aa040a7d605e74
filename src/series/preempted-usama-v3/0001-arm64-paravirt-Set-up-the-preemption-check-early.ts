// SPDX-License-Identifier: GPL-2.0-only
/** What v3 changes of the guest: its part is an early initcall, by when CPU hotplug knows of the boot CPU. */
import { do_pre_smp_initcalls as initcallsBefore, setup_arch } from '../../arch/arm64/setup.js';
import type { pvlock_guest } from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';

/** init/main.c: do_pre_smp_initcalls() */
export function do_pre_smp_initcalls(this: pvlock_guest): void {
  initcallsBefore.call(this);
  this.pv_lock_init();
}

export default {
  subject: 'arm64: paravirt: Set up the preemption check by an early initcall',
  funcs: { setup_arch, do_pre_smp_initcalls },
} satisfies PatchArm64;
