// SPDX-License-Identifier: GPL-2.0-only
/**
 * A witness over the scheduler's state: everything that is kept incrementally is computed again from the entities
 * themselves, and what disagrees is listed.
 *
 * Only what Linux itself keeps true between events. Not looked at, because Linux does not: min_slice in the tree (its
 * callbacks lose it), runnable_weight and the averages (brought up to date now and then), slices of groups.
 */
import type { rb_node } from '../lib/rbtree_augmented.js';
import {
  add,
  max,
  S64_ZERO,
  type s64,
  s64_add,
  s64_diff,
  s64_lt,
  s64_mul,
  s64_toBigInt,
  shl,
  shr,
  to_s64,
  toBigInt,
  u64,
  ZERO,
} from '../lib/types.js';
import { sched_prio_to_weight } from '../sched/core.js';
import {
  type cfs_rq,
  NULL,
  type rq,
  SCHED_IDLE,
  type sched_entity,
  type sched_state,
  TASK_WAKING,
  type task_struct,
} from '../sched/sched.js';

type Report = (fault: string) => void;
const WEIGHT_MIN = u64(2);
/** Of nice 0, not scaled. */
const NICE_0 = u64(1024);

/** scale_load_down(), on its own. */
const small = (weight: u64): u64 => (weight === ZERO ? ZERO : max(WEIGHT_MIN, shr(weight, 10)));
const same = (name: string, kept: number, counted: number, report: Report): void => {
  if (kept !== counted) report(`${name} is ${kept}, counted ${counted}`);
};
const sameWord = (name: string, kept: u64, counted: u64, report: Report): void => {
  if (kept !== counted) report(`${name} is ${toBigInt(kept)}, computed ${toBigInt(counted)}`);
};
const sameSigned = (name: string, kept: s64, counted: s64, report: Report): void => {
  if (kept !== counted) report(`${name} is ${s64_toBigInt(kept)}, computed ${s64_toBigInt(counted)}`);
};

/** What is wrong with the scheduler's records; empty when they are consistent. Reads only. */
export function checkSched(m: sched_state): string[] {
  const faults: string[] = [];
  const in_ =
    (what: string): Report =>
    (fault) =>
      faults.push(`${what}: ${fault}`);
  for (const q of m.cfs_rq) checkQueue(m, q, in_(`cfs_rq ${q.id} (cpu ${q.rq}, group ${q.tg})`));
  for (const rq of m.rq) checkRunqueue(m, rq, in_(`rq ${rq.cpu}`));
  for (const p of m.task) checkTask(m, p, in_(`task ${p.id} (${p.comm})`));
  for (const se of m.se) if (se.task === NULL) checkGroupEntity(m, se, in_(`entity ${se.id} of a group`));
  checkGroups(m, in_('groups'));
  return faults;
}

/* ---- one fair queue ---- */

function checkQueue(m: sched_state, q: cfs_rq, report: Report): void {
  const queued = m.se.filter((se) => se.on_rq !== 0 && se.cfs_rq === q.id);
  const inTree = checkTree(m, q, report);

  for (const se of queued) {
    if (se.id !== q.curr && !inTree.has(se.id)) report(`entity ${se.id} is queued and not in the tree`);
  }
  same('nr_running', q.nr_running, queued.length, report);

  let weight = ZERO;
  for (const se of queued) weight = add(weight, se.load.weight);
  sameWord('load.weight', q.load.weight, weight, report);

  if (isEevdf(q)) checkSums(m, q, inTree, report);

  same('idle_nr_running', q.idle_nr_running, queued.filter((se) => isIdle(m, se)).length, report);
  checkHierarchicalCounts(m, q, report);

  for (const [what, id] of Object.entries({ next: q.next, last: q.last ?? NULL, skip: q.skip ?? NULL })) {
    if (id === NULL) continue;
    const buddy = m.se[id];
    if (buddy.cfs_rq !== q.id) report(`${what} is entity ${id}, which is on cfs_rq ${buddy.cfs_rq}`);
    if (buddy.on_rq === 0) report(`${what} is entity ${id}, which is not queued`);
  }
  if (q.curr !== NULL && m.se[q.curr].cfs_rq !== q.id) {
    report(`curr is entity ${q.curr}, which is on cfs_rq ${m.se[q.curr].cfs_rq}`);
  }
}

/** CFS keeps a min_vruntime for its queues instead, and its tree has no sums and no augmentation. */
const isEevdf = (q: cfs_rq): boolean => q.min_vruntime === undefined;

function checkSums(m: sched_state, q: cfs_rq, inTree: ReadonlySet<number>, report: Report): void {
  let sum = S64_ZERO;
  let load = ZERO;
  for (const id of inTree) {
    const se = m.se[id];
    const w = small(se.load.weight);
    sum = s64_add(sum, s64_mul(s64_diff(se.vruntime, q.zero_vruntime), to_s64(w)));
    load = add(load, w);
  }
  sameSigned('avg_vruntime', q.avg_vruntime, sum, report);
  sameWord('avg_load', q.avg_load, load, report);
}

const isIdle = (m: sched_state, se: sched_entity): boolean =>
  se.task === NULL ? m.cfs_rq[se.my_q].idle > 0 : m.task[se.task].policy === SCHED_IDLE;

/** The queues that a queued task counts on, and on which of them it counts as idle: from its own up to the root. */
function checkHierarchicalCounts(m: sched_state, q: cfs_rq, report: Report): void {
  let queued = 0;
  let delayed = 0;
  let idle = 0;
  for (const p of m.task) {
    const own = m.se[p.se];
    if (own.on_rq === 0) continue;
    let counts = false;
    let asIdle = p.policy === SCHED_IDLE;
    for (let id = own.id; id !== NULL; id = m.se[id].parent) {
      const level = m.cfs_rq[m.se[id].cfs_rq];
      if (level.id === q.id) {
        counts = true;
        break;
      }
      if (level.idle > 0) asIdle = true;
    }
    if (!counts) continue;
    queued++;
    delayed += own.sched_delayed;
    idle += asIdle ? 1 : 0;
  }
  same('h_nr_queued', q.h_nr_queued, queued, report);
  same('h_nr_delayed', q.h_nr_delayed, delayed, report);
  if (isEevdf(q)) same('h_nr_runnable', q.h_nr_runnable, queued - delayed, report);
  same('idle_h_nr_running', q.idle_h_nr_running, idle, report);
}

/* ---- its tree ---- */

/** Checks the tree of `q` and returns the ids of the entities in it. */
function checkTree(m: sched_state, q: cfs_rq, report: Report): Set<number> {
  const seen = new Set<number>();
  const root = q.tasks_timeline.rb_node;
  if (root !== NULL) {
    const node = m.se[root].run_node;
    if (node.parent !== NULL) report(`the root, entity ${root}, has the parent ${node.parent}`);
    if (node.color !== 1) report(`the root, entity ${root}, is red`);
    walk(m, q, root, NULL, seen, report);
  }
  let leftmost = root;
  for (let steps = 0; leftmost !== NULL && steps <= m.se.length; steps++) {
    const left: number = m.se[leftmost].run_node.rb_left;
    if (left === NULL) break;
    leftmost = left;
  }
  same('the leftmost entity', q.tasks_timeline.rb_leftmost, leftmost, report);
  checkOrder(m, [...seen], isEevdf(q) ? 'deadline' : 'vruntime', report);
  return seen;
}

/** Visits the subtree in order; returns its black height, -1 when it differs between two paths. */
function walk(m: sched_state, q: cfs_rq, id: number, parent: number, seen: Set<number>, report: Report): number {
  const se = m.se[id];
  if (se === undefined || seen.has(id)) {
    report(`entity ${id} below ${parent} ${se === undefined ? 'does not exist' : 'is in the tree twice'}`);
    return -1;
  }
  const node: rb_node = se.run_node;
  if (node.parent !== parent) report(`entity ${id} has the parent ${node.parent}, and hangs below ${parent}`);
  if (node.color === 0 && parent !== NULL && m.se[parent].run_node.color === 0) {
    report(`entity ${id} is red below the red ${parent}`);
  }
  if (se.cfs_rq !== q.id) report(`entity ${id} is in the tree and belongs to cfs_rq ${se.cfs_rq}`);
  if (se.on_rq === 0) report(`entity ${id} is in the tree and not queued`);
  if (q.curr === id) report(`entity ${id} is in the tree and current`);

  const left = node.rb_left === NULL ? 0 : walk(m, q, node.rb_left, id, seen, report);
  seen.add(id);
  const right = node.rb_right === NULL ? 0 : walk(m, q, node.rb_right, id, seen, report);

  if (isEevdf(q)) checkAugmentation(m, se, report);
  if (left !== right) {
    if (left >= 0 && right >= 0) report(`entity ${id} has ${left} black nodes to its left and ${right} to its right`);
    return -1;
  }
  return left < 0 ? -1 : left + node.color;
}

/** min_vruntime of a node from its own vruntime and its children's min_vruntime: by induction the least of the subtree. */
function checkAugmentation(m: sched_state, se: sched_entity, report: Report): void {
  let least = se.vruntime;
  for (const child of [se.run_node.rb_left, se.run_node.rb_right]) {
    if (child === NULL || m.se[child] === undefined) continue;
    const below = m.se[child].min_vruntime;
    if (s64_lt(s64_diff(below, least), S64_ZERO)) least = below;
  }
  sameWord(`min_vruntime of entity ${se.id}`, se.min_vruntime, least, report);
}

function checkOrder(m: sched_state, inOrder: readonly number[], by: 'deadline' | 'vruntime', report: Report): void {
  for (let i = 1; i < inOrder.length; i++) {
    const before = m.se[inOrder[i - 1]];
    const after = m.se[inOrder[i]];
    if (s64_lt(s64_diff(after[by], before[by]), S64_ZERO)) {
      report(`entity ${after.id} comes after ${before.id} and its ${by} before`);
    }
  }
}

/* ---- one CPU ---- */

function checkRunqueue(m: sched_state, rq: rq, report: Report): void {
  const root = m.cfs_rq[rq.cfs];
  const curr = m.task[rq.curr];
  const stop = rq.stop !== NULL && m.task[rq.stop].on_rq === 1 ? 1 : 0;
  const tasks = root.h_nr_queued + rq.rt.rt_nr_running * rq.rt.rt_queued + stop;
  // WHY either: the pin counts a queued fair server as a task, v6.19-rc1 does not
  if (rq.nr_running !== tasks) same('nr_running', rq.nr_running, tasks + rq.dl.dl_nr_running, report);
  same('dl.dl_nr_running', rq.dl.dl_nr_running, rq.fair_server.on_rq, report);
  same('ttwu_pending', rq.ttwu_pending, rq.wake_list.length > 0 ? 1 : 0, report);
  for (const id of rq.wake_list) {
    if (m.task[id].__state !== TASK_WAKING) report(`task ${id} waits to be activated in state ${m.task[id].__state}`);
  }

  same('cpu of curr', curr.cpu, rq.cpu, report);
  same('on_cpu of curr', curr.on_cpu, 1, report);
  if (rq.curr !== rq.idle && curr.on_rq !== 1) report(`curr, task ${curr.id}, has on_rq ${curr.on_rq}`);

  checkCurrentPath(m, rq, curr, report);
  checkRealTime(m, rq, report);
}

/** A running fair task is curr on every level of its hierarchy, and nothing else is. */
function checkCurrentPath(m: sched_state, rq: rq, curr: task_struct, report: Report): void {
  const expected = new Map<number, number>();
  if (curr.sched_class === 'fair_sched_class') {
    for (let id = curr.se as number; id !== NULL; id = m.se[id].parent) expected.set(m.se[id].cfs_rq, id);
  }
  for (const q of m.cfs_rq) {
    if (q.rq === rq.id) same(`curr of cfs_rq ${q.id}`, q.curr, expected.get(q.id) ?? NULL, report);
  }
}

function checkRealTime(m: sched_state, rq: rq, report: Report): void {
  const tasks = m.task.filter((p) => p.cpu === rq.cpu && p.rt.on_rq !== 0);
  same('rt.rt_nr_running', rq.rt.rt_nr_running, tasks.length, report);
  same('rt.rt_queued', rq.rt.rt_queued, tasks.length > 0 && !rq.rt.rt_throttled ? 1 : 0, report);
  for (const p of tasks) if (!rq.rt.queue.includes(p.id)) report(`real-time task ${p.id} is queued and on no list`);
  let highest = 99;
  for (const [i, id] of rq.rt.queue.entries()) {
    const p = m.task[id];
    if (p.rt.on_list !== 1) report(`task ${id} is on a real-time list with on_list ${p.rt.on_list}`);
    if (i > 0 && m.task[rq.rt.queue[i - 1]].prio > p.prio) report(`task ${id} is queued behind a lower priority`);
    highest = Math.min(highest, p.prio);
  }
  same('rt.highest_prio.curr', rq.rt.highest_prio.curr, highest, report);
  checkPushable(m, rq, tasks, report);
}

/** Waiting real-time tasks that may run on other CPUs are pushable, the most urgent first. */
function checkPushable(m: sched_state, rq: rq, tasks: readonly task_struct[], report: Report): void {
  const pushable = tasks.filter((p) => p.nr_cpus_allowed > 1 && rq.curr !== p.id).map((p) => p.id);
  const list = rq.rt.pushable_tasks;
  for (const id of pushable) if (!list.includes(id)) report(`task ${id} could run elsewhere and is not pushable`);
  for (const id of list) if (!pushable.includes(id)) report(`task ${id} is pushable and cannot be pushed`);
  for (let i = 1; i < list.length; i++) {
    if (m.task[list[i - 1]].prio > m.task[list[i]].prio) report(`task ${list[i]} is pushable behind a lower priority`);
  }
  same('rt.overloaded', rq.rt.overloaded, isOverloaded(rq, tasks) ? 1 : 0, report);
  same('rt.highest_prio.next', rq.rt.highest_prio.next, list.length > 0 ? m.task[list[0]].prio : 99, report);
  // balance_push() stays until the CPU is active again
  const pushes = m.cpuhp !== undefined && m.cpuhp.active[rq.cpu] === 0;
  same('pending balance callbacks', rq.balance_callback.length, pushes ? 1 : 0, report);
}

/** v6.1 counts what may go elsewhere, the running task with it; the pin has its list. */
function isOverloaded({ rt }: rq, tasks: readonly task_struct[]): boolean {
  if (rt.rt_nr_migratory === undefined) return rt.pushable_tasks.length > 0;
  return tasks.length > 1 && tasks.some((p) => p.nr_cpus_allowed > 1);
}

/* ---- one task, one group entity, the groups ---- */

function checkTask(m: sched_state, p: task_struct, report: Report): void {
  const se = m.se[p.se];
  const rq = m.rq[p.cpu];
  if (se.task !== p.id) report(`its entity ${p.se} says task ${se.task}`);
  if (p.on_cpu !== 0 && rq.curr !== p.id) report(`on_cpu, and CPU ${p.cpu} runs task ${rq.curr}`);
  if (p.id === rq.idle) return;

  const tg = m.task_group[p.sched_task_group];
  same('cfs_rq', se.cfs_rq, tg.cfs_rq[p.cpu], report);
  same('parent', se.parent, tg.se[p.cpu], report);
  same('depth', se.depth, se.parent === NULL ? 0 : m.se[se.parent].depth + 1, report);
  if (p.on_rq !== 0 && m.cpuhp?.online[p.cpu] === 0) report(`queued on CPU ${p.cpu}, which is offline`);
  // A sleeper moves when it wakes.
  if (p.on_rq !== 0 && !p.cpus_ptr.includes(p.cpu)) report(`on CPU ${p.cpu}, allowed on ${p.cpus_ptr.join(', ')}`);
  same('nr_cpus_allowed', p.nr_cpus_allowed, p.cpus_ptr.length, report);

  const fair = p.sched_class === 'fair_sched_class';
  same('se.on_rq', se.on_rq, fair && p.on_rq === 1 ? 1 : 0, report);
  same('rt.on_rq', p.rt.on_rq, p.sched_class === 'rt_sched_class' && p.on_rq === 1 ? 1 : 0, report);
  if (se.sched_delayed && (se.on_rq === 0 || p.__state === 0)) {
    report(`delayed with on_rq ${se.on_rq} and state ${p.__state}`);
  }
  if (fair) {
    const weight = u64(p.policy === SCHED_IDLE ? 3 : sched_prio_to_weight[p.static_prio - 100]);
    // 64-bit kernels scale weights since v2.6.40
    const scaled = m.task_group[0].shares !== NICE_0;
    sameWord('weight', se.load.weight, scaled ? shl(weight, 10) : weight, report);
  }
}

/** A group's entity is queued while somebody below is, or while its own dequeue is delayed. */
function checkGroupEntity(m: sched_state, se: sched_entity, report: Report): void {
  const q = m.cfs_rq[se.my_q];
  if (q.nr_running > 0 && se.on_rq === 0) report(`not queued, with ${q.nr_running} entities on cfs_rq ${q.id}`);
  if (q.nr_running > 0 && se.sched_delayed !== 0) report(`delayed, with ${q.nr_running} entities on cfs_rq ${q.id}`);
  if (q.nr_running === 0 && se.on_rq !== 0 && se.sched_delayed === 0) report(`queued, with nobody on cfs_rq ${q.id}`);
  if (se.sched_delayed !== 0 && se.on_rq === 0) report('delayed and not queued');
}

function checkGroups(m: sched_state, report: Report): void {
  for (const tg of m.task_group) {
    if (tg.id === 0) continue;
    let load = ZERO;
    for (const id of tg.cfs_rq) load = add(load, m.cfs_rq[id].tg_load_avg_contrib);
    sameSigned(`load_avg of group ${tg.id}`, tg.load_avg, to_s64(load), report);
  }
  let sleeping = 0;
  for (const p of m.task) if (p.on_rq === 0 && p.sched_contributes_to_load && p.__state !== 0) sleeping++;
  let kept = 0;
  for (const rq of m.rq) kept += rq.nr_uninterruptible;
  same('nr_uninterruptible over all CPUs', kept, sleeping, report);
}
