// SPDX-License-Identifier: GPL-2.0-only
/** The parameters that v4 to v6 bring: their variables are the machine's own, so that a write goes there. */
import type { Knob } from '../../vmlinux/bind.js';

const names = ['default', 'notrap', 'trap'] as const;

export const knobs = {
  kvm_wfi_trap_policy: { file: 'kvm-arm.wfi_trap_policy=', type: 'u32', initial: 0, names },
  kvm_wfe_trap_policy: { file: 'kvm-arm.wfe_trap_policy=', type: 'u32', initial: 0, names },
} as const satisfies Record<string, Knob>;
