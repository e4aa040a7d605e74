// SPDX-License-Identifier: GPL-2.0-only
/** Which compiled modules have their loops counted when code of a user's runs in them: those that an override can break. */

/** Searching and reporting count for themselves. Paths are relative to the compiled tree. */
const GUARDED = /^(?:properties|src\/(?:sched|locking|irq|kvm|lapic|arch|lib|trace|guest|series|machine))\//;

export const isGuarded = (path: string): boolean => GUARDED.test(path.replaceAll('\\', '/'));
