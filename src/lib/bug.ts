// SPDX-License-Identifier: GPL-2.0-only
/** include/asm-generic/bug.h: how the kernel dies, and how the model says that it does not know. */

/** The kernel would have died here: BUG_ON(), a NULL dereference, a divide error, a loop without end, an exception. A result, not a mistake of ours. */
export class KernelBug extends Error {
  constructor(
    readonly kind: 'BUG_ON' | 'NULL dereference' | 'divide error' | 'soft lockup' | 'exception',
    readonly where: string,
  ) {
    super(`kernel BUG (${kind}) in ${where}`);
    this.name = 'KernelBug';
  }
}

/** Linux goes on here and the model does not; see docs/FIDELITY.md. Never approximated in silence. */
export class NotModelled extends Error {
  constructor(readonly what: string) {
    super(`not modelled: ${what}`);
    this.name = 'NotModelled';
  }
}

/** x86 #DE in kernel mode. */
export function divideError(where: string): never {
  throw new KernelBug('divide error', where);
}

/** Following a pointer that must not be NULL. `where` is the mirrored function and what it dereferences. */
export function nullDereference(where: string): never {
  throw new KernelBug('NULL dereference', where);
}
