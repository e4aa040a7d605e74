// SPDX-License-Identifier: GPL-2.0-only
/** How operations of a differential run are printed: as they are replayed, each with what it does, and their machine. */
import { inWidth, wrap } from '../base/text.js';
import { type Operation, SYSCTL_NAMES } from '../operation/sched.js';
import { operationText } from '../operation/sched-text.js';

export { operationText, sequenceText } from '../operation/sched-text.js';

/** Numbered, one a line, indented by two. */
export const operationLines = (ops: readonly Operation[]): string[] =>
  ops.map((op, i) => `  ${String(i).padStart(3)}  ${operationText(op)}`);

const POLICIES: Readonly<Record<number, string>> = { 0: 'normal', 1: 'FIFO', 2: 'RR', 3: 'batch', 5: 'idle' };
/** SCHED_RESET_ON_FORK */
const RESET_ON_FORK = 0x4000_0000;

/** ns in the unit that a kernel developer would say. */
export function timeText(ns: number | bigint): string {
  const n = Number(ns);
  for (const [unit, size] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ] as const)
    if (Math.abs(n) >= size && n % (size / 1000) === 0) return `${n / size} ${unit}`;
  return `${ns} ns`;
}

const groupName = (id: number | bigint): string => (Number(id) === 0 ? 'the root group' : `group ${id}`);

/** Bits as numbers: `0-3`, `0,2`. */
function cpusText(bits: number | bigint): string {
  const list: number[] = [];
  for (let cpu = 0; cpu < 64; cpu++) if ((BigInt(bits) >> BigInt(cpu)) & 1n) list.push(cpu);
  const isRange = list.length > 2 && list.at(-1)! - list[0]! === list.length - 1;
  return isRange ? `${list[0]}-${list.at(-1)}` : list.join(',');
}

/** Numbers that FORK and GROUP give out. */
interface Given {
  task: number;
  group: number;
}

/** What one operation does. `features` are the names that its FEATURE numbers mean. */
function meaning(op: Operation, given: Given, features: readonly string[]): string {
  const { cpu, id, a, b, flags } = op;
  switch (op.op) {
    case 'BASE_SLICE':
      return `base slice ${timeText(a)}`;
    case 'GROUP':
      return `makes group ${given.group++} in ${groupName(a)}`;
    case 'SHARES':
      return `shares of ${groupName(id)}: ${a}`;
    case 'FORK': {
      const where = flags & 1 ? `on CPU ${cpu}, any allowed` : `pinned to CPU ${cpu}`;
      const who = flags & 2 ? 'a child of what runs there' : `nice ${a}`;
      return `makes task ${given.task++}: ${who}, in ${groupName(b)}, ${where}`;
    }
    case 'ADVANCE':
      return `${timeText(a)} pass`;
    case 'TICK':
      return `the tick of CPU ${cpu}`;
    case 'SCHEDULE':
      return `schedule() on CPU ${cpu}`;
    case 'RESCHED':
      return `schedule() on CPU ${cpu} if need_resched()`;
    case 'BLOCK':
      return `what runs on CPU ${cpu} sleeps${Number(a) === 2 ? ', uninterruptible' : ''}`;
    case 'WAKE':
      return `CPU ${cpu} wakes task ${id}`;
    case 'YIELD':
      return `what runs on CPU ${cpu} calls sched_yield()`;
    case 'YIELD_TO':
      return `what runs on CPU ${cpu} calls yield_to() of task ${id}`;
    case 'YIELD_RAW':
      return `yield_task() of what runs on CPU ${cpu}`;
    case 'YIELD_TO_RAW':
      return `yield_to_task() of what runs on CPU ${cpu}, to task ${id}`;
    case 'NICE':
      return `task ${id} gets nice ${a}`;
    case 'SETATTR':
      return flags === 1 || flags === 2
        ? `task ${id}: ${POLICIES[flags]}, priority ${a}`
        : `task ${id}: ${POLICIES[flags] ?? flags}, nice ${a}, ${Number(b) === 0 ? 'slice as the base slice' : `slice ${timeText(b)}`}`;
    case 'SETSCHED':
      return setsched(id, Number(a), Number(b), flags);
    case 'RR_SLICE':
      return `sched_rr_timeslice: ${a} jiffies`;
    case 'MOVE':
      return `task ${id} moves to ${groupName(a)}`;
    case 'FEATURE':
      return `${features[id] ?? `feature ${id}`} ${Number(a) === 0 ? 'off' : 'on'}`;
    case 'VTIME':
      return `the empty queue of ${groupName(id)} on CPU ${cpu} starts at vruntime ${a}`;
    case 'AFFINITY':
      return `task ${id} may run on CPU ${cpusText(a)}`;
    case 'SERVER_TIMER':
      return `the fair server's timer of CPU ${cpu}, or RT throttling's, if it is due`;
    case 'GROUP_IDLE':
      return `cpu.idle of ${groupName(id)}: ${a}`;
    case 'LLC':
      return `CPUs ${cpusText(a)} share a cache`;
    case 'CPU_DOWN':
      return `CPU ${id} is to go offline: CPU ${cpu} wakes its hotplug thread`;
    case 'CPU_UP':
      return `CPU ${id} comes back online, by CPU ${cpu}`;
    case 'SYSCTL':
      return `${SYSCTL_NAMES[id] ?? `sysctl ${id}`} = ${a}`;
  }
}

const ASKED = ['', ' from an interrupt', 'sched_set_fifo()', 'sched_set_fifo_low()', 'sched_set_normal()'];

function setsched(id: number, a: number, b: number, flags: number): string {
  const policy = POLICIES[flags & ~RESET_ON_FORK] ?? flags;
  const reset = flags & RESET_ON_FORK ? ', reset on fork' : '';
  if (b < 2) return `task ${id}: ${policy}, priority ${a}${reset}${ASKED[b]}`;
  return `${ASKED[b] ?? `no call ${b}`} of task ${id}${b === 4 ? `, nice ${a}` : ''}`;
}

/** As `operationLines`, each with its meaning beside it: the lines of each. */
export function explained(ops: readonly Operation[], features: readonly string[], width: number): string[][] {
  const given: Given = { task: 0, group: 1 };
  const column = Math.min(34, Math.max(...ops.map((op) => operationText(op).length), 0) + 2);
  return ops.map((op, i) => {
    const text = operationText(op);
    const says = meaning(op, given, features);
    const head = `  ${String(i).padStart(3)}  `;
    if (text.length >= column) return [`${head}${text}`, ...wrap(`${' '.repeat(9)}${says}`, width, ' '.repeat(9))];
    return wrap(`${head}${inWidth(text, column - 1)} ${says}`, width, ' '.repeat(7 + column));
  });
}

export const explainedLines = (ops: readonly Operation[], features: readonly string[], width: number): string[] =>
  explained(ops, features, width).flat();

/** The machine that operations make and meet: CPUs, what runs there, and from where virtual time starts. */
export function machineLines(ops: readonly Operation[], cpus: number, width: number): string[] {
  const forks = ops.filter((op) => op.op === 'FORK').length;
  const groups = ops.filter((op) => op.op === 'GROUP').length;
  const shifted = ops.some((op) => op.op === 'VTIME');
  const cached = ops.some((op) => op.op === 'LLC');
  const sliced = ops.some((op) => op.op === 'BASE_SLICE');
  const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;
  const text = [
    `${plural(cpus, 'CPU')}, ${cached ? 'caches as below' : 'no shared cache'}`,
    `HZ=1000, one second after boot, idle`,
    `base slice ${sliced ? 'as below' : '0.7 ms times 1 + log2 of the CPUs'}`,
    `${plural(forks, 'task')}, ${groups === 0 ? 'all in the root group' : `${plural(groups, 'group')} of shares 1024`}`,
    `every queue's vruntime starts at -1048576 ns${shifted ? ', or as below' : ''}`,
  ].join('; ');
  return wrap(`  machine: ${text}`, width, '    ');
}
