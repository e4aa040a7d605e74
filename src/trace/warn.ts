// SPDX-License-Identifier: GPL-2.0-only
/** include/asm-generic/bug.h: WARN_ON() as a trace event; a kernel that warns goes on. */
import { toNumber } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

function warned(kernel: vmlinux, where: string): void {
  kernel.m.warns++;
  kernel.tp?.({
    system: 'warn',
    event: 'WARN_ON',
    cpu: kernel.m.cpu,
    ts: String(toNumber(kernel.m.sched_clock)),
    fields: { where },
  });
}

/**
 * WARN_ON() and WARN_ON_ONCE(): counts a true condition in `m.warns`, tells whoever listens, and returns it.
 * `where` is the mirrored function and what it warns of. MODEL: _ONCE warns every time.
 */
export function warnOn(this: vmlinux, condition: boolean, where: string): boolean {
  if (condition) warned(this, where);
  return condition;
}

/** kernel/printk/printk.c: a line in the host's log, as include/trace/events/printk.h: console() tells of it. */
export function printk(this: vmlinux, msg: string): void {
  if (this.tp === null) return;
  const ts = String(toNumber(this.m.sched_clock));
  this.tp({ system: 'printk', event: 'console', cpu: this.m.cpu, ts, fields: { msg } });
}
