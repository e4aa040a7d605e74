// SPDX-License-Identifier: GPL-2.0-only
/** Planted faults of several claims: a guest that is told the opposite, or does not ask. */
import { toNumber } from '../../../src/lib/types.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';

export const turned = {
  says: 'the guest is told the opposite of what its word says',
  funcs: {
    vcpu_is_preempted(this: vmlinux_arm64, cpu: number) {
      const pv = this.m.pv_preempted;
      const memory = this.ram;
      if (pv === undefined || memory === undefined || pv.gpa[cpu] < 0) return false;
      const gpa = pv.gpa[cpu];
      const word = memory.words.find((it) => it.gpa === gpa - (gpa % 8));
      return word === undefined || toNumber(word.value) === 0;
    },
  },
};

export const silent = { says: 'the guest does not ask', funcs: { vcpu_is_preempted: () => false } };
