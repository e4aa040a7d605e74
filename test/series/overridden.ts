// SPDX-License-Identifier: GPL-2.0-only
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

/** The kernel with some functions replaced: how a planted fault is put in. Names that it lacks are added. */
export function overridden(kernel: Kernel, name: string, funcs: Readonly<Record<string, AnyFunction>>): Kernel {
  return { ...kernel, name, table: Object.freeze({ ...kernel.table, ...funcs }) };
}
