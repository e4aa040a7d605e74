// SPDX-License-Identifier: GPL-2.0-only
/**
 * Laws that hold after every operation, whatever came before: asked of the kernel's own code along random sequences,
 * through the state that it leaves. A law looks at one step and says whether it was asked, and what is wrong.
 */
import type { Operation } from '../../operation/sched.js';
import { difference, type EntityRef, type View } from './state-view.js';

/** One operation: the state before it and after it. */
export interface Step {
  readonly op: Operation;
  readonly r: number;
  readonly before: View;
  readonly after: View;
  /** no task of a real-time policy has been in this sequence, so that the fair server never acts */
  readonly onlyFair: boolean;
  /** no policy and no group is SCHED_IDLE in this sequence */
  readonly neverIdle: boolean;
}

/** null when the step is none of the law's; how often it was asked; or what is wrong. */
export type Asked = null | number | string;

export interface Law {
  readonly id: string;
  readonly says: string;
  readonly ask: (step: Step) => Asked;
}

const TICK_NSEC = 1_000_000n;
const abs = (x: bigint) => (x < 0n ? -x : x);
const max = (a: bigint, b: bigint) => (a > b ? a : b);
const tell = (name: number) => (name >= 1000 ? `the entity of group ${name - 1000}` : `task ${name}`);
const same = (view: View, entity: EntityRef, cpu: number) => view.entity(cpu, entity.name);

/** The first that is wrong, or how many were asked. */
function each(list: Iterable<Asked>): Asked {
  let n = 0;
  for (const asked of list) {
    if (typeof asked === 'string') return asked;
    n += asked ?? 0;
  }
  return n === 0 ? null : n;
}

function* cpusAndGroups(view: View): Iterable<[number, number]> {
  for (let cpu = 0; cpu < view.cpus; cpu++) for (let group = 0; group < view.groups; group++) yield [cpu, group];
}

/** By how much calc_delta_fair() may be off the exact quotient: inverse weights are rounded to 32 bits. */
const inexact = (view: View, entity: EntityRef, ns: bigint): bigint =>
  (view.virtual(entity, ns) * (view.weight(entity) + 4n)) / 2n ** 32n + 2n;

// ---- lag -------------------------------------------------------------------------------------------------------------

/** V, the key, a product and a quotient are each cut to whole ns on the way. */
const ROUNDING = 4n;

/** entity_lag(): what an entity is owed is no more than two of its slices, at least a tick. */
function limit(view: View, entity: EntityRef): bigint {
  return view.virtual(entity, max(2n * view.big(entity, 'slice'), TICK_NSEC));
}

/** Lag as it may be kept: as it is, or cut to the limit. calc_delta_fair() may be a little below the exact quotient. */
function kept(lag: bigint, most: bigint): bigint[] {
  const nearly = most - most / 1024n - 2n;
  if (abs(lag) <= nearly) return [lag];
  const cut = lag < 0n ? -most : most;
  return abs(lag) <= most ? [lag, cut] : [cut];
}

/** Between two lags of which either is right, rounding aside. `wide` for a limit that calc_delta_fair() has cut lower. */
function between(lag: bigint, a: bigint, b: bigint, wide: bigint): boolean {
  const [low, high] = a < b ? [a, b] : [b, a];
  return lag >= low - ROUNDING - wide && lag <= high + ROUNDING + wide;
}

/** What is queued and has another weight now: weight times lag is what it was, cut to the limit. */
function reweighted({ op, before, after }: Step): Asked {
  if (op.op !== 'NICE' && op.op !== 'SHARES') return null;
  const ask = ([cpu, group]: [number, number]): Asked => {
    if (!before.settled(cpu, group) || !after.settled(cpu, group)) return null;
    const [was, is] = [before.queued(cpu, group), after.queued(cpu, group)];
    const changed = was.filter((e) => before.se(e, 'weight') !== after.se(same(after, e, cpu), 'weight'));
    if (was.length < 2 || was.length !== is.length || changed.length !== 1) return null;
    const old = changed[0]!;
    const now = same(after, old, cpu);
    // Of a group whose task changes, the weight is set twice, each time with a rounding of its own.
    if (old.name >= 1000 !== (op.op === 'SHARES')) return null;
    if (before.se(old, 'sched_delayed') === 1 || after.se(now, 'on_rq') !== 1) return null;
    const [w, more] = [before.big(old, 'weight'), after.big(now, 'weight')];
    const [L, most] = [before.lag(cpu, old), limit(before, old)];
    const total = is.reduce((sum, e) => sum + after.weight(e), 0n);
    const got = after.lag(cpu, now);
    const right = kept(L, most).some((lag) => {
      const scaled = (lag * w) / more;
      // Where it stays queued meanwhile, what is cut off moves V.
      const moved = (before.weight(old) * L - after.weight(now) * scaled) / total;
      const rough = lag === L ? 0n : (abs(scaled) + abs(moved)) / 1024n;
      return between(got, scaled, scaled + moved, (w + more - 1n) / more + rough);
    });
    if (right) return 1;
    return `${tell(old.name)}: lag ${L} at weight ${w} is ${got} at weight ${more}, limit ${most} before`;
  };
  return each([...cpusAndGroups(before)].map(ask));
}

/** A sleeper whose nice value changes. */
function reweightedAsleep({ op, before, after }: Step): Asked {
  if (op.op !== 'NICE' || before.isRealtime(op.id)) return null;
  const [was, is] = [before.entityOfTask(op.id), after.entityOfTask(op.id)];
  if (before.se(was, 'on_rq') !== 0 || after.se(is, 'on_rq') !== 0) return null;
  const [w, more] = [before.big(was, 'weight'), after.big(is, 'weight')];
  if (w === more) return null;
  const [lag, got] = [before.big(was, 'vlag'), after.big(is, 'vlag')];
  return abs(got * more - lag * w) <= more
    ? 1
    : `task ${op.id}, asleep: lag ${lag} at weight ${w} is ${got} at weight ${more}`;
}

/** A task that is queued elsewhere now, or woken: its lag is what it was, or what it went to sleep with. */
function placed(step: Step): Asked {
  const { op, r, before, after } = step;
  const moved = op.op === 'MOVE' || op.op === 'AFFINITY';
  if ((!moved && (op.op !== 'WAKE' || r !== 1)) || before.isRealtime(op.id)) return null;
  const [was, is] = [before.entityOfTask(op.id), after.entityOfTask(op.id)];
  const [from, to] = [before.task(op.id, 'cpu'), after.task(op.id, 'cpu')];
  const queue = after.queueOf(op.id);
  if (after.se(is, 'on_rq') !== 1 || !after.settled(to, queue) || after.queued(to, queue).length < 2) return null;
  const got = after.lag(to, is);
  const delayed = before.se(was, 'sched_delayed') === 1;
  if (before.se(was, 'on_rq') !== 1) {
    const lag = before.big(was, 'vlag');
    if (moved || before.task(op.id, 'on_rq') !== 0) return null;
    return between(got, lag, lag, 0n) ? 1 : `task ${op.id} slept with lag ${lag} and wakes with ${got}`;
  }
  if (!before.settled(from, before.queueOf(op.id))) return null;
  const lag = before.lag(from, was);
  if (delayed) {
    if (moved || after.se(is, 'sched_delayed') === 1) return null;
    const want = lag > 0n ? 0n : lag;
    return between(got, want, want, 0n) ? 1 : `task ${op.id}, delayed with lag ${lag}, wakes with ${got}`;
  }
  if (!moved) return null;
  const most = limit(before, was);
  const stays = from === to && before.queueOf(op.id) === queue;
  const right = [...kept(lag, most), ...(stays ? [lag] : [])];
  return right.some((want) => between(got, want, want, want === lag ? 0n : most / 1024n))
    ? 1
    : `task ${op.id} had lag ${lag} (limit ${most}) and has ${got} where it is now`;
}

// ---- slices and deadlines --------------------------------------------------------------------------------------------

function slices({ after }: Step): Asked {
  const ask = ([cpu, group]: [number, number]): Asked => {
    const list = after.queued(cpu, group);
    const wrong = list.find((e) => after.big(e, 'slice') < 100_000n || after.big(e, 'slice') > 100_000_000n);
    return wrong === undefined
      ? list.length
      : `${tell(wrong.name)} is queued with a slice of ${after.se(wrong, 'slice')}`;
  };
  return each([...cpusAndGroups(after)].map(ask));
}

const isYield = (op: Operation) => op.op === 'YIELD' || op.op === 'YIELD_TO';

function yielded({ op, r, before, after }: Step): Asked {
  const task = Number(before.rq(op.cpu, 'curr'));
  if (!isYield(op) || r < 0 || task < 0) return null;
  const [was, is] = [before.entityOfTask(task), after.entityOfTask(task)];
  if (before.se(was, 'on_rq') !== 1 || after.se(is, 'on_rq') !== 1) return null;
  const ahead = difference(after.se(is, 'deadline'), after.se(is, 'vruntime'));
  const slice = after.virtual(is, after.big(is, 'slice'));
  if (
    ahead <=
    max(
      difference(before.se(was, 'deadline'), before.se(was, 'vruntime')),
      slice + inexact(after, is, after.big(is, 'slice')),
    )
  )
    return 1;
  return `task ${task} yields, and its deadline is ${ahead} ahead; its slice is ${slice} of virtual time`;
}

// ---- the pick --------------------------------------------------------------------------------------------------------

const schedules = ({ op, r }: Step) =>
  op.op === 'SCHEDULE' ||
  (op.op === 'RESCHED' && r === 1) ||
  ((op.op === 'BLOCK' || op.op === 'YIELD') && r === 0) ||
  (op.op === 'YIELD_TO' && r === 1);

/** Whom the operation itself nominates, or keeps nominated: the target of a yield_to(), and the groups of who sleeps. */
function nominees({ op, before }: Step): Set<number> {
  const names = new Set<number>();
  const of = op.op === 'YIELD_TO' ? op.id : op.op === 'BLOCK' ? Number(before.rq(op.cpu, 'curr')) : -1;
  if (of >= 0) {
    names.add(of);
    for (let group = before.queueOf(of); group > 0; group = before.places.parentOf[group]!) names.add(1000 + group);
  }
  return names;
}

function pickedAt(step: Step, group: number, curr: number, nominated: ReadonlySet<number>): Asked {
  const { before, after } = step;
  const { cpu } = step.op;
  const list = after.queued(cpu, group);
  const best = after.entity(cpu, curr);
  if (list.length < 2 || after.se(best, 'on_rq') !== 1) return null;
  const eligible = after.eligible(best, list);
  if (!eligible) return `${tell(curr)} is picked and not eligible`;
  const known = group < before.groups;
  const buddy = nominated.has(curr) || (known && Number(before.cfs(cpu, group, 'next')) === curr);
  if (buddy) return 1;
  if (known && Number(before.cfs(cpu, group, 'curr')) === curr) {
    const was = before.entity(cpu, curr);
    const kept = before.se(was, 'vlag') === before.se(was, 'deadline');
    if (kept && before.se(was, 'deadline') === after.se(best, 'deadline')) return 1;
  }
  const better = list.find((e) => e.name !== curr && after.deadlineBefore(e, best) && after.eligible(e, list));
  if (better === undefined) return 1;
  return `${tell(curr)} is picked; ${tell(better.name)} is eligible with an earlier deadline`;
}

function picks(step: Step): Asked {
  if (!schedules(step)) return null;
  const nominated = nominees(step);
  const asked: Asked[] = [];
  for (let group = 0; ; ) {
    const curr = Number(step.after.cfs(step.op.cpu, group, 'curr'));
    if (curr < 0) break;
    asked.push(pickedAt(step, group, curr, nominated));
    if (curr < 1000) break;
    group = curr - 1000;
  }
  return each(asked);
}

// ---- time ------------------------------------------------------------------------------------------------------------

/** Δ vruntime of a task that ran so many ns: the quotient, as far as a 32-bit inverse weight has it. */
const charged = (view: View, entity: EntityRef, ns: bigint, got: bigint): boolean =>
  abs(got - view.virtual(entity, ns)) <= inexact(view, entity, ns);

function chargedOn(cpu: number, { op, before, after }: Step): Asked {
  const task = Number(before.rq(cpu, 'curr'));
  if (task < 0) return null;
  const [was, is] = [before.entityOfTask(task), after.entityOfTask(task)];
  const ran = difference(after.se(is, 'sum_exec_runtime'), before.se(was, 'sum_exec_runtime'));
  const since = before.se(was, 'exec_start');
  const stays = Number(after.rq(cpu, 'curr')) === task;
  const ticked = op.op === 'TICK' && op.cpu === cpu;
  const until = ticked ? after.now : stays ? after.se(is, 'exec_start') : after.rq(cpu, 'clock_task');
  const time = difference(until, since);
  // schedule() may have skipped the clock's update, and a push behind it may have done one.
  const skipped = !ticked && !stays && ran === max(0n, difference(before.rq(cpu, 'clock_task'), since));
  if (ran !== time && !skipped) return `task ${task} ran ${time} ns and is charged ${ran}`;
  if (ran === 0n) return null;
  if (!ticked || !stays || after.se(is, 'on_rq') !== 1) return 1;
  const virtual = difference(after.se(is, 'vruntime'), before.se(was, 'vruntime'));
  return charged(after, is, ran, virtual)
    ? 1
    : `task ${task} ran ${ran} ns at weight ${after.weight(is)}, and its vruntime grows by ${virtual}`;
}

function charges(step: Step): Asked {
  const { before, after } = step;
  const running = new Set(Array.from({ length: before.cpus }, (_, cpu) => Number(before.rq(cpu, 'curr'))));
  for (let i = 0; i < before.tasks; i++) {
    const ran = difference(
      after.se(after.entityOfTask(i), 'sum_exec_runtime'),
      before.se(before.entityOfTask(i), 'sum_exec_runtime'),
    );
    // Who is switched to by a clock that was skipped may be charged from there on.
    const cpu = after.task(i, 'cpu');
    const late = Number(after.rq(cpu, 'curr')) === i ? difference(after.now, before.rq(cpu, 'clock_task')) : 0n;
    if (!running.has(i) && (ran < 0n || ran > late)) return `task ${i} does not run and is charged ${ran} ns`;
  }
  return each(Array.from({ length: before.cpus }, (_, cpu) => chargedOn(cpu, step)));
}

/** A tick asks for a reschedule where somebody else is queued beside one whose request is over, or who may be preempted. */
function ticks({ op, before, after, onlyFair }: Step): Asked {
  if (op.op !== 'TICK' || !onlyFair || before.rq(op.cpu, 'need_resched') !== 0) return null;
  if (Number(after.cfs(op.cpu, 0, 'curr')) < 0 || after.rq(op.cpu, 'need_resched') === 0) return null;
  for (let group = 0; ; ) {
    const curr = Number(after.cfs(op.cpu, group, 'curr'));
    if (curr < 0) break;
    const [was, is] = [before.entity(op.cpu, curr), after.entity(op.cpu, curr)];
    const over = before.se(was, 'deadline') !== after.se(is, 'deadline');
    const free = before.se(was, 'vlag') !== before.se(was, 'deadline');
    if ((over || free) && Number(after.cfs(op.cpu, group, 'nr_queued')) > 1) return 1;
    if (curr < 1000) break;
    group = curr - 1000;
  }
  return `a tick on CPU ${op.cpu} asks for a reschedule, and on no level is a request over beside somebody else`;
}

// ---- places ----------------------------------------------------------------------------------------------------------

function emptyGroups({ before, after }: Step): Asked {
  const ask = ([cpu, group]: [number, number]): Asked => {
    if (group === 0 || Number(before.cfs(cpu, group, 'load')) !== 0) return null;
    if (Number(after.cfs(cpu, group, 'load')) !== 0) return null;
    const [was, is] = [before.entityOfGroup(cpu, group), after.entityOfGroup(cpu, group)];
    if (before.se(was, 'on_rq') !== 1) return null;
    const [w, more] = [before.se(was, 'weight'), after.se(is, 'weight')];
    return w === more
      ? 1
      : `group ${group} is empty on CPU ${cpu}, and the weight of its entity goes from ${w} to ${more}`;
  };
  return each([...cpusAndGroups(before)].map(ask));
}

function niceValues({ op, after }: Step): Asked {
  if (op.op !== 'NICE') return null;
  const got = after.task(op.id, 'static_prio');
  return got === 120 + Number(op.a) ? 1 : `task ${op.id} is given nice ${op.a}, its static_prio is ${got}`;
}

/** select_idle_sibling() finds an idle CPU, if there is one: all CPUs share a cache. */
function wakesWhereIdle({ op, r, before, after, neverIdle }: Step): Asked {
  const all = 2 ** before.cpus - 1;
  if (op.op !== 'WAKE' || r !== 1 || !neverIdle || before.places.llc !== all) return null;
  if (before.task(op.id, 'on_rq') !== 0 || after.se(after.entityOfTask(op.id), 'on_rq') !== 1) return null;
  const idle = (cpu: number) => Number(before.rq(cpu, 'curr')) < 0 && Number(before.rq(cpu, 'nr_running')) === 0;
  const cpus = Array.from({ length: before.cpus }, (_, cpu) => cpu);
  const free = cpus.filter((cpu) => idle(cpu) && (before.places.allowed[op.id]! >> cpu) & 1);
  const to = after.task(op.id, 'cpu');
  // An idle thread that has yet to schedule looks like a kthread that is done, which a wakee may join.
  if (Number(before.rq(op.cpu, 'curr')) < 0) return null;
  // A task that may not run where it slept goes to the first CPU that is allowed when that one is idle.
  const stays = (before.places.allowed[op.id]! >> before.task(op.id, 'cpu')) & 1;
  if (free.length === 0 || cpus.every(idle) || !stays) return null;
  return idle(to) ? 1 : `task ${op.id} wakes on CPU ${to}, which is busy, beside idle CPUs ${free.join(', ')}`;
}

/** In the order of the report. */
export const laws: readonly Law[] = [
  { id: 'lag, weight', says: 'weight times lag is kept when the weight changes', ask: reweighted },
  { id: 'lag, asleep', says: 'a sleeper keeps weight times lag when its nice value changes', ask: reweightedAsleep },
  { id: 'lag, place', says: 'lag is kept over sleep, delayed dequeue, migration and a change of groups', ask: placed },
  { id: 'slice', says: 'the slice of whatever is queued lies in 0.1 to 100 ms', ask: slices },
  { id: 'forfeit', says: 'after a yield the deadline is at most a slice ahead', ask: yielded },
  { id: 'pick', says: 'the pick is a buddy, protected, or the eligible entity of the earliest deadline', ask: picks },
  { id: 'charge', says: 'what is charged equals the clock', ask: charges },
  { id: 'tick', says: 'a tick reschedules only who has somebody beside it and used up its request', ask: ticks },
  { id: 'empty group', says: 'a group whose queue is empty keeps its weight', ask: emptyGroups },
  { id: 'nice', says: 'every nice value is taken', ask: niceValues },
  { id: 'placement', says: 'a task wakes on an idle CPU of the cache when it may run on one', ask: wakesWhereIdle },
];
