// SPDX-License-Identifier: GPL-2.0-only
/** A CPU hears of need_resched and of kicks by the interrupt that is sent with them, and by nothing else. */
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import type { machine } from '../../src/machine/state.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { overridden } from '../series/overridden.js';

const silent = overridden(linux_6_12, 'no reschedule interrupt', { smp_send_reschedule(): void {} });

/** CPU 1 is idle until CPU 0 wakes the sleeper, who may run there only. */
function woken(kernel: Kernel): { m: machine; tick(): void } {
  const m = boot(kernel, {
    cpus: 2,
    tasks: [
      { comm: 'waker', cpus: [0] },
      { comm: 'busy', cpus: [1] },
      { comm: 'sleeper', cpus: [1], asleep: true, nice: -20 },
    ],
  });
  const k = bind(kernel, m);
  const sleeper = m.task.findIndex((p) => p.comm === 'sleeper');
  apply(k, { ev: 'advance', ns: 3_000_000 });
  apply(k, { ev: 'wake', cpu: 0, task: sleeper });
  return { m, tick: () => apply(k, { ev: 'tick', cpu: 1 }) };
}

const currOf = (m: machine, cpu: number): string => m.task[m.rq[cpu].curr].comm;

/** vCPU 1 is in its guest on CPU 1 when vCPU 0 sends it an IPI. */
function sent(kernel: Kernel): machine {
  const m = boot(kernel, { cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], vendor: 'svm' }] });
  const k = bind(kernel, m);
  apply(k, { ev: 'ipi', cpu: 0, to: 1, vector: 0x41 });
  return m;
}

describe('need_resched set by another CPU', () => {
  it('is served at once when the interrupt comes', () => {
    expect(currOf(woken(linux_6_12).m, 1)).toBe('sleeper');
  });
  it('waits for the tick when it does not', () => {
    const { m, tick } = woken(silent);
    expect(currOf(m, 1)).toBe('busy');
    expect(m.task[m.rq[1].curr].tif_need_resched).toBe(1);
    tick();
    expect(currOf(m, 1)).toBe('sleeper');
  });
});

describe('a kick', () => {
  it('makes the guest exit and take what it was for', () => {
    expect(
      sent(linux_6_12)
        .actor.map((a) => a.handlers.length)
        .at(-1),
    ).toBe(1);
  });
  it('does nothing without its interrupt', () => {
    const m = sent(silent);
    expect(m.actor.map((a) => a.handlers.length).at(-1)).toBe(0);
    expect(m.vcpu[1].mode).not.toBe(0);
  });
});

/** CPU 1 is idle when CPU 0 wakes a task that may run there only: the wake-up is queued. */
function queued(kernel: Kernel): { m: machine; seen: string[] } {
  const m = boot(kernel, {
    cpus: 2,
    tasks: [
      { comm: 'waker', cpus: [0] },
      { comm: 'sleeper', cpus: [1], asleep: true },
    ],
  });
  const seen: string[] = [];
  const k = bind(kernel, m, ({ event, fields }) => seen.push(`${event} ${fields['callsite'] ?? ''}`));
  apply(k, { ev: 'wake', cpu: 0, task: m.task.findIndex((p) => p.comm === 'sleeper') });
  return { m, seen };
}

describe('a queued wake-up', () => {
  it('is served by the call function interrupt', () => {
    const { m, seen } = queued(linux_6_12);
    expect(currOf(m, 1)).toBe('sleeper');
    expect(seen).toContain('ipi_send_cpu __smp_call_single_queue');
  });
  it('waits when that does not come', () => {
    const lost = overridden(linux_6_12, 'no call function interrupt', {
      __smp_call_single_queue(this: vmlinux_x86, cpu: number, p: { id: number }): void {
        this.m.rq[cpu].wake_list.push(p.id);
      },
    });
    const { m } = queued(lost);
    expect([m.rq[1].curr === m.rq[1].idle, m.rq[1].wake_list.length, m.rq[1].ttwu_pending]).toEqual([true, 1, 1]);
  });
});
