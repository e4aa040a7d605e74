// SPDX-License-Identifier: GPL-2.0-only
/**
 * A recording in the columns of `perf sched timehist`: at each sched_switch, for the task that leaves its CPU, how long it
 * had waited between its last time on a CPU and this one, how much of that after it was woken, and how long it ran.
 */
import { inWidth } from '../base/text.js';
import { seconds, type TraceText } from './ftrace.js';
import { commOf, type RecordedEvent } from './recording.js';

interface Life {
  /** ns at which it last left a CPU; null before */
  left: bigint | null;
  /** ns at which it last became runnable while off a CPU */
  ready: bigint | null;
  /** ns at which it came onto the CPU it runs on */
  came: bigint | null;
  wait: bigint;
  delay: bigint;
}

const HEAD = [
  '           time    cpu  task name               wait time  sch delay   run time',
  '                        [pid]                      (msec)     (msec)     (msec)',
  '--------------- ------  ----------------------  ---------  ---------  ---------',
];

/** Idle tasks are one a CPU. */
export function timehistText(): TraceText {
  const lives = new Map<string, Life>();
  return { head: HEAD, line: ({ event }) => line(lives, event) };
}

function line(lives: Map<string, Life>, event: RecordedEvent['event']): string | null {
  const now = BigInt(event.ts);
  const f = event.fields;
  if (event.event === 'sched_wakeup' || event.event === 'sched_wakeup_new') {
    const life = lifeOf(lives, Number(f['pid']), event.cpu);
    if (life.came === null) life.ready = now;
  }
  if (event.event !== 'sched_switch') return null;
  const pid = Number(f['prev_pid']);
  const prev = lifeOf(lives, pid, event.cpu);
  const ran = prev.came === null ? 0n : now - prev.came;
  const name = `${commOf(String(f['prev_comm']), pid)}${pid === 0 ? '' : `[${pid}]`}`;
  const cells = [prev.wait, prev.delay, ran].map((ns) => msec(ns).padStart(9)).join('  ');
  leave(prev, now, /^R/.test(String(f['prev_state'])));
  arrive(lifeOf(lives, Number(f['next_pid']), event.cpu), now);
  return `${seconds(event.ts).padStart(15)} [${String(event.cpu).padStart(4, '0')}]  ${inWidth(name, 22)}  ${cells}`;
}

function lifeOf(lives: Map<string, Life>, pid: number, cpu: number): Life {
  const key = pid === 0 ? `idle ${cpu}` : String(pid);
  const there = lives.get(key);
  if (there !== undefined) return there;
  const made: Life = { left: null, ready: null, came: null, wait: 0n, delay: 0n };
  lives.set(key, made);
  return made;
}

function leave(life: Life, now: bigint, runnable: boolean): void {
  life.left = now;
  life.came = null;
  life.ready = runnable ? now : null;
}

function arrive(life: Life, now: bigint): void {
  life.wait = life.left === null ? 0n : now - life.left;
  life.delay = life.ready === null ? 0n : now - life.ready;
  life.came = now;
}

/** ns in milliseconds, three decimals, cut. */
function msec(ns: bigint): string {
  const us = ns / 1000n;
  return `${us / 1000n}.${String(us % 1000n).padStart(3, '0')}`;
}
