// SPDX-License-Identifier: GPL-2.0-only
/**
 * CFS of 2011 once more, for one CPU: plain numbers, sorted lists and nothing of the mirror. Written from a description of the rules,
 * so that what the mirror has wrong shows, unless both have it wrong.
 */

/** ns on one CPU */
const LATENCY = 6_000_000n;
const LEAST = 750_000n;
const WAKEUP = 1_000_000n;
const WINDOW = 10_000_000n;
const AT_ONCE = 8n;

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
/** how far a is behind b */
const gap = (a: bigint, b: bigint): bigint => BigInt.asIntN(64, a - b);

export interface Ent {
  name: string;
  on: Queue;
  /** of a group */
  own: Queue | null;
  weight: bigint;
  /** from a table, for tasks */
  inverse: bigint | null;
  vr: bigint;
  sum: bigint;
  sumAtPick: bigint;
  start: bigint;
  queued: boolean;
}

export interface Queue {
  name: string;
  /** the group's entity, above */
  above: Ent | null;
  group: { shares: bigint; load: bigint } | null;
  weight: bigint;
  tree: Ent[];
  nr: bigint;
  min: bigint;
  curr: Ent | null;
  next: Ent | null;
  last: Ent | null;
  skip: Ent | null;
  avg: bigint;
  period: bigint;
  stamp: bigint;
  lastLoad: bigint;
  unaccounted: bigint;
  contribution: bigint;
}

export interface Plain {
  now: bigint;
  root: Queue;
  /** the running task; null: idle */
  running: Ent | null;
  resched: boolean;
  /** v2.6.39's skip buddy and yield_to() */
  directed: boolean;
}

/* ---- arithmetic ---- */

const rounded = (x: bigint, bits: bigint): bigint => u64(x + (1n << (bits - 1n))) >> bits;
const inverseOf = (w: bigint): bigint => (w >= 1n << 32n ? 1n : 1n + ((1n << 32n) - w / 2n) / (w + 1n));

export function scaled(ns: bigint, weight: bigint, load: bigint, inverse: bigint | null): bigint {
  const product = u64(ns * weight);
  const by = inverse ?? inverseOf(load);
  const out = product > 1n << 32n ? rounded(u64(rounded(product, 16n) * by), 16n) : rounded(u64(product * by), 32n);
  return out > (1n << 63n) - 1n ? (1n << 63n) - 1n : out;
}

const virtual = (ns: bigint, e: Ent): bigint => (e.weight === 1024n ? ns : scaled(ns, 1024n, e.weight, e.inverse));

export function sliceOf(q: Queue, e: Ent): bigint {
  const n = q.nr + (e.queued ? 0n : 1n);
  let ns = n > AT_ONCE ? n * LEAST : LATENCY;
  for (let it: Ent | null = e; it !== null; it = it.on.above) {
    ns = scaled(ns, it.weight, it.queued ? it.on.weight : it.on.weight + it.weight, null);
  }
  return ns;
}

/* ---- time ---- */

function account(p: Plain, q: Queue): void {
  const e = q.curr;
  if (e === null || p.now === e.start) return;
  const ran = u64(p.now - e.start);
  e.sum = u64(e.sum + ran);
  e.vr = u64(e.vr + virtual(ran, e));
  raiseMin(q);
  q.unaccounted += ran;
  e.start = p.now;
}

function raiseMin(q: Queue): void {
  const all = [...(q.curr === null ? [] : [q.curr.vr]), ...(q.tree.length === 0 ? [] : [q.tree[0].vr])];
  if (all.length === 0) return;
  const least = all.reduce((a, b) => (gap(b, a) < 0n ? b : a));
  if (gap(least, q.min) > 0n) q.min = least;
}

/* ---- shares ---- */

function refreshLoad(p: Plain, q: Queue): void {
  if (q.group === null) return;
  let passed = u64(p.now - q.stamp);
  if (q.stamp > q.lastLoad && u64(p.now - q.lastLoad) > 4n * WINDOW) {
    q.period = 0n;
    q.avg = 0n;
    passed = WINDOW - 1n;
  }
  q.stamp = p.now;
  q.unaccounted = 0n;
  q.period += passed;
  if (q.weight > 0n) {
    q.lastLoad = p.now;
    q.avg = u64(q.avg + passed * q.weight);
  }
  if (q.period > WINDOW || q.period === 0n) {
    const moved = q.avg / (q.period + 1n) - q.contribution;
    if ((moved < 0n ? -moved : moved) > q.contribution / 8n) {
      q.group.load += moved;
      q.contribution += moved;
    }
  }
  while (q.period > WINDOW) {
    q.period /= 2n;
    q.avg /= 2n;
  }
}

function reweigh(p: Plain, q: Queue): void {
  if (q.above === null || q.group === null) return;
  const total = q.group.load + q.weight - q.contribution;
  let w = q.group.shares * q.weight;
  if (total !== 0n) w /= total;
  if (w < 2n) w = 2n;
  if (w > q.group.shares) w = q.group.shares;

  const { on } = q.above;
  if (q.above.queued) {
    if (on.curr === q.above) account(p, on);
    on.weight += w - q.above.weight;
  }
  q.above.weight = w;
}

/* ---- buddies ---- */

const KINDS = ['last', 'next', 'skip'] as const;

function forget(q: Queue, e: Ent): void {
  for (const kind of KINDS) {
    if (q[kind] !== e) continue;
    for (let it: Ent | null = e; it !== null && it.on[kind] === it; it = it.on.above) it.on[kind] = null;
  }
}

function name(kind: (typeof KINDS)[number], e: Ent): void {
  for (let it: Ent | null = e; it !== null; it = it.on.above) it.on[kind] = it;
}

/** b would preempt a: it is ahead by more than it may */
const tooFar = (a: Ent, b: Ent): boolean => gap(a.vr, b.vr) > 0n && gap(a.vr, b.vr) > virtual(WAKEUP, b);

/* ---- in and out ---- */

function insert(q: Queue, e: Ent): void {
  const at = q.tree.findIndex((it) => gap(e.vr, it.vr) < 0n);
  q.tree.splice(at < 0 ? q.tree.length : at, 0, e);
}

function remove(q: Queue, e: Ent): void {
  q.tree.splice(q.tree.indexOf(e), 1);
}

export function wake(p: Plain, task: Ent): void {
  let e: Ent | null = task;
  for (; e !== null && !e.queued; e = e.on.above) {
    const q: Queue = e.on;
    account(p, q);
    refreshLoad(p, q);
    q.weight += e.weight;
    q.nr += 1n;
    reweigh(p, q);
    const bonus = u64(q.min - LATENCY / 2n);
    if (gap(bonus, e.vr) > 0n) e.vr = bonus;
    if (q.curr !== e) insert(q, e);
    e.queued = true;
  }
  for (; e !== null; e = e.on.above) {
    refreshLoad(p, e.on);
    reweigh(p, e.on);
  }
  preempts(p, task);
}

function preempts(p: Plain, task: Ent): void {
  if (p.running === null) {
    p.resched = true;
    return;
  }
  if (p.resched) return;
  const many = p.running.on.nr >= AT_ONCE;
  account(p, p.running.on);
  const path = (e: Ent): Ent[] => (e.on.above === null ? [e] : [...path(e.on.above), e]);
  const [mine, its] = [path(p.running), path(task)];
  const level = mine.findIndex((e, i) => e !== its[i]);
  if (!tooFar(mine[level], its[level])) return;
  p.resched = true;
  if (many && mine[level].own === null) name('last', mine[level]);
}

function takeOut(p: Plain, task: Ent): void {
  let e: Ent | null = task;
  while (e !== null) {
    const q: Queue = e.on;
    account(p, q);
    forget(q, e);
    if (q.curr !== e) remove(q, e);
    e.queued = false;
    refreshLoad(p, q);
    q.weight -= e.weight;
    q.nr -= 1n;
    raiseMin(q);
    reweigh(p, q);
    e = q.above;
    if (q.weight > 0n) break;
  }
  for (; e !== null; e = e.on.above) {
    refreshLoad(p, e.on);
    reweigh(p, e.on);
  }
}

/* ---- the pick ---- */

function choose(p: Plain, q: Queue): Ent {
  const left = q.tree[0];
  let e = left;
  if (p.directed) {
    const second = q.tree[1];
    if (q.skip === left && second !== undefined && !tooFar(second, left)) e = second;
    if (q.last !== null && !tooFar(q.last, left)) e = q.last;
    if (q.next !== null && !tooFar(q.next, left)) e = q.next;
  } else {
    if (q.next !== null && !tooFar(q.next, left)) e = q.next;
    if (q.last !== null && !tooFar(q.last, left)) e = q.last;
  }
  forget(q, e);
  return e;
}

export function schedule(p: Plain, sleeps = false): void {
  if (sleeps && p.running !== null) takeOut(p, p.running);
  for (let e: Ent | null = p.running; e !== null; e = e.on.above) {
    if (e.queued) {
      account(p, e.on);
      insert(e.on, e);
    }
    e.on.curr = null;
  }
  p.resched = false;
  p.running = null;
  for (let q: Queue | null = p.root; q !== null && q.nr > 0n; ) {
    const e = choose(p, q);
    remove(q, e);
    e.start = p.now;
    e.sumAtPick = e.sum;
    q.curr = e;
    if (e.own === null) p.running = e;
    q = e.own;
  }
}

export function tick(p: Plain): void {
  for (let e: Ent | null = p.running; e !== null; e = e.on.above) {
    const q = e.on;
    account(p, q);
    if (q.unaccounted > WINDOW) {
      refreshLoad(p, q);
      reweigh(p, q);
    }
    if (q.nr < 2n) continue;
    const due = sliceOf(q, e);
    const ran = e.sum - e.sumAtPick;
    if (ran > due) {
      p.resched = true;
      forget(q, e);
    } else if (ran >= LEAST && gap(e.vr, q.tree[0].vr) > due) {
      p.resched = true;
    }
  }
  if (p.resched) schedule(p);
}

/* ---- yielding ---- */

function countTasks(q: Queue): number {
  return [...q.tree, ...(q.curr?.queued === true ? [q.curr] : [])].reduce(
    (n, e) => n + (e.own === null ? 1 : countTasks(e.own)),
    0,
  );
}

function stepBack(p: Plain, e: Ent): void {
  if (p.directed ? countTasks(p.root) === 1 : e.on.nr === 1n) return;
  forget(e.on, e);
  account(p, e.on);
  if (p.directed) name('skip', e);
}

export function yields(p: Plain): void {
  if (p.running === null) return;
  stepBack(p, p.running);
  schedule(p);
}

export function yieldsTo(p: Plain, target: Ent): boolean {
  if (!p.directed || p.running === null || target === p.running || !target.queued) return false;
  name('next', target);
  stepBack(p, p.running);
  schedule(p);
  return true;
}
