// SPDX-License-Identifier: GPL-2.0-only
import type { machine } from '../../src/machine/state.js';
import { type Interleaved, type InterleaveOptions, searchOrders } from '../../src/races/every-order.js';
import { type Litmus, type StepTable, settingOf } from '../../src/races/one-order.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

/** Every order; `rest` lets the machine come to rest behind each. */
export function interleave(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  rest: (k: vmlinux_x86, m: machine) => void,
  options: InterleaveOptions = {},
): Interleaved {
  return searchOrders(settingOf(table, kernel, litmus, rest, options), options);
}
