// SPDX-License-Identifier: GPL-2.0-only
/** Which compiled modules have their branches counted: the kernel's, and what series replace of it. */

/** What every operation of 64 bits goes through is left alone. Paths are relative to the compiled tree. */
const COUNTED = /^src\/(?:sched|locking|irq|kvm|lapic|arch|series)\//;

export const isCounted = (path: string): boolean => COUNTED.test(path.replaceAll('\\', '/'));
