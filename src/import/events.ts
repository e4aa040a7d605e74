// SPDX-License-Identifier: GPL-2.0-only
/** The tracepoints that an import needs, with their fields, whichever tool printed them; everything else is only counted. */
import { fieldsOf, type TraceLine } from './trace-line.js';

/** A task as an event names it. prio: the kernel's, 0 to 139; null where it is not printed. */
export interface Named {
  pid: number;
  comm: string;
  prio: number | null;
}

/** Where a task stands in virtual time, as kprobes print it; as decimal, what is not printed is absent. */
export interface Standing {
  pid: number;
  vruntime: string;
  deadline?: string;
  /** off the queue: the lag */
  vlag?: string;
  slice?: number;
  delayed?: boolean;
}

interface Common {
  line: TraceLine;
  /** ns since the first line */
  at: number;
  cpu: number;
  /** need_resched as the flags of the line have it; null without such a column */
  resched: boolean | null;
  /** printed in a hard interrupt; null without such a column */
  hardirq: boolean | null;
}

export type Happening =
  | { is: 'switch'; prev: Named; state: string; next: Named }
  | { is: 'waking' | 'wakeup' | 'wakeup_new'; task: Named; target: number | null }
  | { is: 'runtime'; task: Named; ns: number; vruntime: string | null }
  | { is: 'migrate'; task: Named; from: number | null; to: number }
  | { is: 'fork'; parent: Named; child: Named }
  | { is: 'exit'; task: Named }
  /** of kvm_*, kvm_entry and kvm_exit: the task runs a vCPU */
  | { is: 'kvm' }
  /** kprobes on functions of kernel/sched: what no tracepoint says */
  | { is: 'tick' }
  | { is: 'standing'; within: string | null; standing: Standing }
  /** enqueue_entity() with these flags */
  | { is: 'enqueue'; pid: number; flags: number; standing: Standing | null }
  | { is: 'yield' }
  | { is: 'yield_to'; pid: number };

export type TraceEvent = Common & Happening;

/** What an event is: null for one that is not used, a text for one that cannot be read. */
export function happeningOf(line: TraceLine): Happening | null | string {
  const read = READERS[line.event];
  if (read === undefined) return line.event.startsWith('kvm_') ? { is: 'kvm' } : null;
  return read(line.text, line);
}

type Fields = Record<string, string>;
const INT = /^-?\d{1,10}$/;
const DEC = /^-?\d{1,20}$/;

function whole(f: Fields, ...names: string[]): number | null {
  for (const name of names) {
    const text = f[name];
    if (text !== undefined && INT.test(text)) return Number(text);
  }
  return null;
}

function named(f: Fields, prefix = ''): Named | null {
  const pid = whole(f, `${prefix}pid`);
  if (pid === null || pid < 0) return null;
  return { pid, comm: f[`${prefix}comm`] ?? '', prio: whole(f, `${prefix}prio`) };
}

/** trace-cmd's own form: `comm:pid [prio]` */
const BRIEF = /^\s*(.*):(\d+) \[(-?\d+)\]/;

function brief(text: string): Named | null {
  const found = BRIEF.exec(text);
  return found === null ? null : { comm: found[1], pid: Number(found[2]), prio: Number(found[3]) };
}

function switched(text: string): Happening | string {
  // raw fields stand without the arrow
  const [before, after, more] = text.split(text.includes('==>') ? /\s*==>\s*/ : /\s+(?=next_comm=)/);
  if (after === undefined || more !== undefined) return 'sched_switch without one ==> between prev and next';
  const f = fieldsOf(before);
  if (f['prev_pid'] !== undefined) {
    const prev = named(f, 'prev_');
    const next = named(fieldsOf(after), 'next_');
    const state = f['prev_state'];
    if (prev === null || next === null || state === undefined)
      return 'sched_switch without prev_pid, prev_state or next_pid';
    return { is: 'switch', prev, state: stateOf(state), next };
  }
  const found = /^(.*:\d+ \[-?\d+\]) (\S+)$/.exec(before.trim());
  const prev = found === null ? null : brief(found[1]);
  const next = brief(after);
  if (prev === null || next === null || found === null) return 'sched_switch without prev_pid, prev_state or next_pid';
  return { is: 'switch', prev, state: stateOf(found[2]), next };
}

/** By number where a tool prints it so (perf without its format): the bits of prev_state. */
function stateOf(text: string): string {
  if (!/^(?:0x)?[0-9a-f]+$/.test(text) || !/^\d/.test(text)) return text;
  const bits = Number(text);
  if ((bits & 0xff) === 0) return 'R';
  const letters = 'SDTtXZPI';
  return letters[Math.min(7, 31 - Math.clz32(bits & 0xff))];
}

const woken =
  (is: 'waking' | 'wakeup' | 'wakeup_new') =>
  (text: string): Happening | string => {
    const f = fieldsOf(text);
    const task = named(f) ?? brief(text);
    if (task === null) return `sched_${is} without a pid`;
    const target = /\bCPU:(\d+)/.exec(text)?.[1];
    return { is, task, target: target === undefined ? whole(f, 'target_cpu') : Number(target) };
  };

/** `pid= vr= dl= ...`, as a kprobe on a function of fair.c prints its entity. */
function standingOf(f: Fields): Standing | null {
  const pid = whole(f, 'pid');
  const vruntime = f['vr'] ?? f['vruntime'];
  if (pid === null || pid <= 0 || vruntime === undefined || !DEC.test(vruntime)) return null;
  const { dl, vlag, slice, delayed, reldl } = f;
  return {
    pid,
    vruntime,
    // a deadline that is relative says nothing alone
    ...(dl !== undefined && DEC.test(dl) && reldl !== '1' ? { deadline: dl } : {}),
    ...(vlag !== undefined && DEC.test(vlag) ? { vlag } : {}),
    ...(slice !== undefined && INT.test(slice) ? { slice: Number(slice) } : {}),
    ...(delayed === undefined ? {} : { delayed: delayed === '1' }),
  };
}

/** The function that called the probed one: `(dequeue_entity+0x28/0x580 <- update_curr)`. */
const callerOf = (text: string): string | null => /^\((\w+)\+0x[0-9a-f]+\/0x[0-9a-f]+ <- /.exec(text)?.[1] ?? null;

function standing(text: string): Happening | null {
  const found = standingOf(fieldsOf(text));
  return found === null ? null : { is: 'standing', within: callerOf(text), standing: found };
}

function dequeued(text: string): Happening | null {
  const f = fieldsOf(text);
  const found = standingOf(f);
  if (found === null || f['ret'] !== '1') return null;
  // a move keeps the deadline relative
  const { deadline: _, ...rest } = found;
  return { is: 'standing', within: 'dequeue_entity', standing: rest };
}

function enqueued(text: string): Happening | null {
  const f = fieldsOf(text);
  const pid = whole(f, 'pid');
  const flags = Number(f['flags']);
  if (pid === null || !Number.isSafeInteger(flags)) return null;
  return { is: 'enqueue', pid, flags, standing: null };
}

const READERS: Readonly<Record<string, (text: string, line: TraceLine) => Happening | null | string>> = {
  sched_switch: switched,
  sched_waking: woken('waking'),
  sched_wakeup: woken('wakeup'),
  sched_wakeup_new: woken('wakeup_new'),
  sched_stat_runtime(text) {
    const f = fieldsOf(text);
    const task = named(f) ?? brief(text.replace(/ runtime.*$/, ' [0]'));
    const ns = f['runtime'];
    if (task === null || ns === undefined || !/^\d{1,15}$/.test(ns)) return 'sched_stat_runtime without pid or runtime';
    const vruntime = f['vruntime'];
    return {
      is: 'runtime',
      task,
      ns: Number(ns),
      vruntime: vruntime !== undefined && DEC.test(vruntime) ? vruntime : null,
    };
  },
  sched_migrate_task(text) {
    const f = fieldsOf(text);
    const task = named(f);
    const to = whole(f, 'dest_cpu');
    if (task === null || to === null || to < 0) return 'sched_migrate_task without pid or dest_cpu';
    return { is: 'migrate', task, from: whole(f, 'orig_cpu'), to };
  },
  sched_process_fork(text, line) {
    const f = fieldsOf(text);
    const pid = whole(f, 'child_pid');
    if (pid === null) return 'sched_process_fork without child_pid';
    const parent = { pid: whole(f, 'pid') ?? line.pid, comm: f['comm'] ?? line.comm, prio: null };
    return { is: 'fork', parent, child: { pid, comm: f['child_comm'] ?? '', prio: null } };
  },
  sched_process_exit(text) {
    const task = named(fieldsOf(text));
    return task === null ? 'sched_process_exit without a pid' : { is: 'exit', task };
  },
  task_tick_fair: () => ({ is: 'tick' }),
  update_curr_ret: standing,
  place_entity_ret: standing,
  place_entity: standing,
  pick_eevdf_ret: standing,
  set_next_entity_ret: standing,
  requeue_delayed: standing,
  dequeue_entity_ret: dequeued,
  enqueue_entity: enqueued,
  yield_task_fair_ret: () => ({ is: 'yield' }),
  yield_to_task_fair_ret(text) {
    const f = fieldsOf(text);
    const pid = whole(f, 'p');
    return pid === null || f['ret'] !== '1' ? null : { is: 'yield_to', pid };
  },
};
