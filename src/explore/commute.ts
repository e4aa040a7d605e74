// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which moves of a search commute: events that have no CPU and no task in common, on a machine where CPUs have nothing in common.
 *
 * Said only of what is known for sure: no VMs, no groups (their load is one number for all CPUs), no programs, tasks of the fair class
 * that may run on one CPU each. A series may keep what it likes between CPUs, so it is said of releases alone, and a search looks
 * at some of what it leaves out (`isChecked`).
 */
import type { EventKind, MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { tasksOf } from './alike.js';

/** Moves as bits, 32 in a word. */
export type Moves = Uint32Array;

export const noMoves = (menu: number): Moves => new Uint32Array((menu + 31) >>> 5);
export const hasMove = (moves: Moves, move: number): boolean => ((moves[move >>> 5] >>> (move & 31)) & 1) !== 0;
export function addMove(moves: Moves, move: number): void {
  moves[move >>> 5] |= 1 << (move & 31);
}

/** They change their CPU, and the tasks that are there. */
const LOCAL: readonly EventKind[] = ['tick', 'resched', 'schedule', 'yield', 'block', 'wake', 'nice'];

/** For each move those that commute with it; null where nothing is known to. */
export function commutingMoves(scenario: Scenario, menu: readonly MachineEvent[], isRelease: boolean): Moves[] | null {
  const { cpus, arch, tasks = [], groups = [], vms = [] } = scenario;
  const isApart = tasks.every(
    ({ cpus: own, program, policy = 'normal' }) =>
      own?.length === 1 && program === undefined && policy !== 'fifo' && policy !== 'rr',
  );
  if (!isRelease || cpus < 2 || arch !== undefined || groups.length > 0 || vms.length > 0 || !isApart) return null;
  const places = menu.map((event): number[] | null => {
    if (!LOCAL.includes(event.ev) || !('cpu' in event)) return null;
    const specs = tasksOf(event).map((task) => tasks[task - cpus]);
    if (specs.some((spec) => spec === undefined)) return null;
    return [event.cpu, ...specs.flatMap((spec) => spec?.cpus ?? [])];
  });
  const masks = places.map((own) => {
    const mask = noMoves(menu.length);
    places.forEach((other, j) => {
      if (own !== null && other !== null && !own.some((cpu) => other.includes(cpu))) addMove(mask, j);
    });
    return mask;
  });
  return masks.some((mask) => mask.some((word) => word !== 0)) ? masks : null;
}

/** One in 64 of what is left out is looked at all the same. */
export const isChecked = (node: number, move: number): boolean =>
  (Math.imul(node + 1, 0x9e3779b1) + move * 17) >>> 26 === 0;

/** What is asleep in the states that are not expanded: their moves that another order of the same events has made already. */
export class Sleeping {
  private words: Uint32Array;
  /** of which node the first words are */
  private from = 0;
  private readonly width: number;

  constructor(
    private readonly menu: number,
    saved?: SavedSleep,
  ) {
    this.width = (menu + 31) >>> 5;
    this.from = saved?.from ?? 0;
    this.words = saved === undefined ? new Uint32Array(1024 * this.width) : saved.words.slice();
  }

  /** A state was found: this is asleep in it. */
  put(node: number, moves: Moves): void {
    const at = (node - this.from) * this.width;
    if (at + this.width > this.words.length) {
      const wider = new Uint32Array(2 * this.words.length + this.width);
      wider.set(this.words);
      this.words = wider;
    }
    this.words.set(moves, at);
  }

  /** It was found again, at the same depth: what is not asleep on that way is awake. */
  meet(node: number, moves: Moves): void {
    const at = (node - this.from) * this.width;
    for (let i = 0; i < this.width; i++) this.words[at + i] &= moves[i];
  }

  of(node: number): Moves {
    const at = (node - this.from) * this.width;
    if (at < 0 || at + this.width > this.words.length) return noMoves(this.menu);
    return this.words.slice(at, at + this.width);
  }

  /** Nothing below it is asked for any more. */
  dropBelow(node: number): void {
    if (node - this.from < 4096) return;
    this.words = this.words.slice(Math.min(this.words.length, (node - this.from) * this.width));
    this.from = node;
    if (this.words.length === 0) this.words = new Uint32Array(1024 * this.width);
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  saved(size: number): SavedSleep {
    return { from: this.from, words: this.words.slice(0, Math.max(0, size - this.from) * this.width) };
  }
}

export interface SavedSleep {
  from: number;
  words: Uint32Array;
}
