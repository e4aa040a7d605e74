// SPDX-License-Identifier: GPL-2.0-only
/** An event in a few words: the column `event` of every transcript. */
import type { ApicEvent, MachineEvent } from '../scenario/events.js';
import type { Names } from './names.js';
import { registerText } from './register-names.js';

const hex = (n: number): string => `0x${n.toString(16)}`;

/** The CPU that executes the event, or null for time and knobs. */
export function cpuOf(event: MachineEvent): number | null {
  return 'cpu' in event ? event.cpu : null;
}

function msrText(msr: number): string {
  if (msr === 0x1b) return 'APICBASE';
  if (msr === 0x6e0) return 'TSC_DEADLINE';
  return msr >= 0x800 && msr < 0x840 ? `x2${registerText((msr - 0x800) << 4)}` : hex(msr);
}

/** What happens to a local APIC: `v0 TPR=0x20`, `v1 ICR=0x41 ->0x2`. */
function apicText(event: ApicEvent): string {
  switch (event.ev) {
    case 'mmio_write':
      return event.reg === 0xb0
        ? `v${event.vcpu} EOI`
        : `v${event.vcpu} ${registerText(event.reg)}=${hex(event.value)}`;
    case 'mmio_read':
      return `v${event.vcpu} read ${registerText(event.reg)}`;
    case 'wrmsr': {
      const value = event.high === 0 ? hex(event.value) : `${hex(event.high)}:${hex(event.value)}`;
      return `v${event.vcpu} ${msrText(event.msr)}=${value}`;
    }
    case 'rdmsr':
      return `v${event.vcpu} read ${msrText(event.msr)}`;
    case 'write_icr':
      return `v${event.vcpu} ICR=${hex(event.low)}->${hex(event.dest)}`;
    case 'pv_ipi':
      return `v${event.vcpu} pv_ipi ${hex(event.icr)}->${event.min}+${[event.bitmap, ...(event.more ?? [])].map(hex).join()}`;
    case 'msi':
      return `msi ${hex(event.data)}->${hex(event.address)}`;
    case 'pin':
      return `pin ${event.pin}=${event.level}`;
    case 'redirect':
      return `redirect ${event.pin} ${hex(event.low)}->${hex(event.high)}`;
    case 'restore':
      return `v${event.vcpu} restore`;
    case 'tsc_offset':
      return `v${event.vcpu} TSC ${event.ns < 0 ? '' : '+'}${event.ns} ns`;
    case 'cpuid':
      return `v${event.vcpu} CPUID${event.x2apic ? ' x2apic' : ''}${event.tsc_deadline ? ' tsc_deadline' : ''}`;
    case 'cr8':
      return `v${event.vcpu} CR8=${event.value}`;
    case 'window':
      return `v${event.vcpu} sti`;
    case 'enter':
      return `v${event.vcpu} entry`;
    case 'set_lapic':
      return `v${event.vcpu} SET_LAPIC ${registerText(event.reg)}=${hex(event.value)}`;
    case 'set_sregs':
      return `v${event.vcpu} SREGS.base=${hex(event.apic_base)}`;
    case 'stall':
      return `stall ${event.ns}`;
  }
}

/** The event without its CPU: `yield_to vm/1`, `advance 3000000`. */
export function eventText(event: MachineEvent, names: Names): string {
  if (isRecorded(event)) return recordedText(event, names);
  switch (event.ev) {
    case 'advance':
      return `advance ${event.ns}`;
    case 'tick':
    case 'resched':
    case 'schedule':
    case 'yield':
    case 'pause':
    case 'hlt':
    case 'wfi':
    case 'wfe':
    case 'diag44':
    case 'enabledWait':
    case 'eoi':
    case 'intr':
    case 'step':
      return event.ev;
    case 'block':
      return event.state === undefined ? 'block' : `block ${event.state}`;
    case 'yield_to':
      return `yield_to ${names.task(event.task)}`;
    case 'nice':
      return `nice ${names.task(event.task)} ${event.nice}`;
    case 'setattr':
      return setattrText(event, names);
    case 'shares':
      return `shares ${names.group(event.group)} ${event.shares}`;
    case 'move':
      return `move ${names.task(event.task)} ${names.group(event.group)}`;
    case 'ipi':
      return `ipi vcpu${event.to} ${hex(event.vector)}`;
    case 'diag9c':
      return `diag9c vcpu${event.to}`;
    case 'wfit':
    case 'wfet':
      return `${event.ev} ${event.ns}`;
    case 'lpi':
      return `lpi ${event.intid} -> v${event.vcpu}${event.direct ? ' direct' : ''}`;
    case 'icr':
      return `icr ${hex(event.low)} ${hex(event.dest)}`;
    case 'cpl':
      return `cpl ${event.cpl}`;
    case 'if':
      return event.on ? (event.shadow === true ? 'sti;' : 'sti') : 'cli';
    case 'hypercall':
      return `hypercall ${event.nr} ${[event.a0, event.a1, event.a2, event.a3].map(hex).join(' ')}`;
    case 'store':
      return `store vm ${event.vm} [0x${event.gpa.toString(16)}] = 0x${event.value.toString(16)}`;
    case 'memslot':
      return `memslot vm ${event.vm} page 0x${event.frame.toString(16)} ${event.there ? 'back' : 'gone'}`;
    case 'vm_ioctl':
      return `ioctl vm ${event.vm} 0x${event.nr.toString(16)} arg ${event.arg}`;
    case 'apicv':
      return `apicv ${event.on ? 'on' : 'off'} vm ${event.vm}`;
    case 'cpu_down':
    case 'cpu_up':
      return `${event.ev} ${event.target}`;
    case 'pollEnd':
      return 'poll-end';
    case 'knob':
      return `${event.name}=${event.value}`;
    case 'amid':
      return `${apicText(event.of)}, at ${event.fn}() ${apicText(event.other)}`;
    default:
      return apicText(event);
  }
}

const RECORDED = ['wake', 'fork', 'migrate', 'requeue', 'place', 'ran', 'need_resched', 'switch'] as const;
type Recorded = Extract<MachineEvent, { ev: (typeof RECORDED)[number] }>;
const isRecorded = (event: MachineEvent): event is Recorded => (RECORDED as readonly string[]).includes(event.ev);

/** Wake-ups and moves, and what a recording says. */
function recordedText(event: Recorded, names: Names): string {
  switch (event.ev) {
    case 'wake':
    case 'fork':
    case 'migrate':
      return `${event.ev} ${names.task(event.task)}${event.target === undefined ? '' : ` -> CPU ${event.target}`}`;
    case 'requeue':
      return `requeue ${names.task(event.task)}`;
    case 'place':
      return `place ${names.task(event.task)}${event.delayed === true ? ' delayed' : ''}`;
    case 'ran':
      return `ran ${event.ns}`;
    case 'need_resched':
      return event.on ? 'need_resched' : 'need_resched off';
    case 'switch':
      return `switch ${names.task(event.task)}`;
  }
}

const POLICY: Readonly<Record<number, string>> = { 0: 'NORMAL', 1: 'FIFO', 2: 'RR', 3: 'BATCH', 5: 'IDLE' };

function setattrText(event: MachineEvent & { ev: 'setattr' }, names: Names): string {
  const realTime = event.policy === 1 || event.policy === 2;
  const rest = realTime
    ? `prio ${event.priority}`
    : `nice ${event.nice}${event.slice > 0 ? ` slice ${event.slice}` : ''}`;
  return `setattr ${names.task(event.task)} ${POLICY[event.policy] ?? event.policy} ${rest}`;
}
