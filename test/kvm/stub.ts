// SPDX-License-Identifier: GPL-2.0-only
/** Kernels with some functions replaced, for tests that look at one function alone. */

import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

/** `base` with functions replaced by name; the name must exist. */
export function withStubs(stubs: Record<string, AnyFunction>, base: Kernel = linux_6_12): Kernel {
  for (const name of Object.keys(stubs)) if (!(name in base.table)) throw new Error(`no function ${name}`);
  return { ...base, name: `${base.name}+stubs`, table: Object.freeze({ ...base.table, ...stubs }) };
}
