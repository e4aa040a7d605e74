// SPDX-License-Identifier: GPL-2.0-only
/** What every move of a state leads to: the work of a search, which may be anybody's. What comes of it is put together in order. */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { cloneMachine } from '../machine/clone.js';
import { type Fingerprint, fingerprint } from '../machine/fingerprint.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import { alikeMoves, tasksOf } from './alike.js';
import { hasMove, isChecked, type Moves } from './commute.js';
import type { Engine } from './engine.js';

export interface ExpandInput {
  engine: Engine;
  kernel: Kernel;
  scenario: Scenario;
  menu: readonly MachineEvent[];
  /** leave out moves that another one is like: see `alikeMoves` */
  symmetry: boolean;
  /** asked of every state; bit i of its flags is what predicate i says */
  predicates: readonly ((m: machine) => boolean)[];
  /** after every event; what it says is a breach */
  witness(m: machine): string[];
}

/** Is told what the moves of one state lead to, in their order; false: no more of this state. */
export interface Outcomes {
  /** `machine`, `flags` and `breach` may cost something, and are asked for a state that is new */
  state(move: number, print: Fingerprint, of: StateSaid): boolean;
  /** another move stands for it */
  alike(move: number): boolean;
  /** another order of the same events leads there; where that was looked at, to this */
  asleep(move: number, print: Fingerprint | null): boolean;
  notModelled(move: number, what: string): boolean;
  breach(move: number, message: string): boolean;
}

export interface StateSaid {
  flags(): number;
  /** what it breaks; '' for nothing */
  breach(): string;
  machine(): machine;
}

export class Expander {
  /** machines along the path to the node that is expanded */
  private readonly path: number[] = [];
  private readonly along: machine[] = [];
  private readonly groups: readonly number[];
  private readonly isGrouped: boolean;
  readonly start: machine;

  constructor(private readonly input: ExpandInput) {
    const { menu, engine, kernel, scenario } = input;
    if (menu.length > 255) throw new Error(`at most 255 moves, got ${menu.length}`);
    this.groups = input.symmetry ? alikeMoves(scenario, menu) : menu.map(() => -1);
    this.isGrouped = this.groups.some((group) => group >= 0);
    this.start = engine.boot(kernel, scenario);
  }

  /** The node, to which the path leads. */
  expand(node: number, path: readonly number[], asleep: Moves | null, out: Outcomes): void {
    const { input } = this;
    const m = this.machineAt(path);
    const touched = this.isGrouped ? new Set(path.flatMap((move) => tasksOf(input.menu[move]))) : null;
    let next = m;
    const said: StateSaid = {
      flags: () => this.flagsOf(next),
      breach: () => input.witness(next)[0] ?? '',
      machine: () => next,
    };
    for (let move = 0; move < input.menu.length; move++) {
      const event = input.menu[move];
      if (!input.engine.legal(m, event)) continue;
      if (touched !== null && this.isAlike(move, touched)) {
        if (!out.alike(move)) return;
        continue;
      }
      const sleeps = asleep !== null && hasMove(asleep, move);
      if (sleeps && !isChecked(node, move)) {
        if (!out.asleep(move, null)) return;
        continue;
      }
      next = cloneMachine(m);
      const ended = this.apply(next, event);
      if (sleeps) {
        if (!out.asleep(move, ended === null ? fingerprint(next) : { lo: 0, hi: 0 })) return;
        continue;
      }
      const goesOn =
        ended === null
          ? out.state(move, fingerprint(next), said)
          : ended instanceof NotModelled
            ? out.notModelled(move, ended.what)
            : out.breach(move, ended);
      if (!goesOn) return;
    }
  }

  flagsOf(m: machine): number {
    let flags = 0;
    this.input.predicates.forEach((holds, i) => {
      if (holds(m)) flags |= 1 << i;
    });
    return flags;
  }

  /** From the start. */
  replayed(path: readonly number[]): machine {
    const m = cloneMachine(this.start);
    const k = bind(this.input.kernel, m, null);
    for (const move of path) this.input.engine.apply(k, this.input.menu[move]);
    return m;
  }

  /** Null when something follows. */
  private apply(m: machine, event: MachineEvent): NotModelled | string | null {
    const { input } = this;
    const { warns } = m;
    try {
      input.engine.apply(bind(input.kernel, m, null), event);
    } catch (thrown) {
      if (thrown instanceof NotModelled) return thrown;
      if (!(thrown instanceof KernelBug)) throw thrown;
      return thrown.message;
    }
    return m.warns === warns ? null : 'WARN_ON()';
  }

  /** As `replayed`, from where the last path parts from this one. */
  private machineAt(path: readonly number[]): machine {
    let common = 0;
    while (common < path.length && common < this.path.length && path[common] === this.path[common]) common++;
    this.path.length = common;
    this.along.length = common;
    for (let i = common; i < path.length; i++) {
      const m = cloneMachine(i === 0 ? this.start : this.along[i - 1]);
      this.input.engine.apply(bind(this.input.kernel, m, null), this.input.menu[path[i]]);
      this.path.push(path[i]);
      this.along.push(m);
    }
    return path.length === 0 ? this.start : this.along[path.length - 1];
  }

  /** Whether the same move of a sleeper that is like this one, and as untouched, is tried as well. */
  private isAlike(move: number, touched: ReadonlySet<number>): boolean {
    const group = this.groups[move];
    const [task] = tasksOf(this.input.menu[move]);
    if (group < 0 || touched.has(task)) return false;
    return this.input.menu.some((other, i) => i < move && this.groups[i] === group && !touched.has(tasksOf(other)[0]));
  }
}
