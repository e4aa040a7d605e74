// SPDX-License-Identifier: GPL-2.0-only
/** Calls of one held function: drawn at random, made smaller, and told in words. */
import type { HeldFunction } from '../../native/extract/build.js';
import type { CType, HeldCall, Value } from '../../native/extract/engine.js';
import type { Random } from '../sched/generate.js';
import type { Case } from './cases.js';
import { NR_CPUS, NR_TASKS, NR_VCPUS } from './fields.js';
import { ANSWERS, ARGUMENTS, bySuffix, Operands, typeOfText } from './operands.js';

/** A piece of state, as far as drawing it goes. */
export interface Drawn {
  readonly name: string;
  /** values to draw from; any of the C type's otherwise */
  readonly menu?: readonly Value[];
}

export class Calls {
  /**
   * `followed`: fields that the function or what it calls may touch; `silent`: callees that always answer 0;
   * `fieldTypes` and `answers` as the engine has them.
   */
  constructor(
    private readonly f: HeldFunction,
    private readonly one: Case,
    private readonly fields: readonly Drawn[],
    private readonly followed: readonly number[],
    private readonly fieldTypes: readonly CType[],
    private readonly answers: ReadonlyMap<string, CType>,
    private readonly silent: ReadonlySet<string>,
  ) {}

  private makeArgument(o: Operands, i: number, cpu: number): Value {
    const { name, kind, type } = this.f.takes[i]!;
    if (this.one.here?.includes(name)) return cpu;
    if (kind === 'vcpu' || kind === 'apic' || kind === 'notifier' || kind === 'wait' || kind === 'pi')
      return o.below(NR_VCPUS);
    if (kind === 'task') return o.below(NR_TASKS);
    if (kind !== 'number') return 0;
    const menu = this.one.args?.[name] ?? ARGUMENTS[name];
    if (menu !== undefined) return o.of(menu);
    return o.ofType(typeOfText(type));
  }

  private makeState(o: Operands): Value[] {
    const { one } = this;
    return this.fields.map((field, i) => {
      const menu = bySuffix(one.state, field.name) ?? field.menu;
      return menu === undefined ? o.ofType(this.fieldTypes[i]!) : o.of(menu);
    });
  }

  private valueOf(o: Operands, field: number): Value {
    const menu = this.fields[field]!.menu;
    return menu === undefined ? o.ofType(this.fieldTypes[field]!) : o.of(menu);
  }

  private makeAnswers(o: Operands): Map<string, Value[]> {
    const answers = new Map<string, Value[]>();
    for (const name of this.f.callees) {
      const type = this.answers.get(name);
      if (type === undefined || type.kind === 'v') continue;
      const menu = this.one.answers?.[name] ?? ANSWERS[name];
      const list: Value[] = [];
      for (let nth = 0; nth < 12; nth++) {
        const fixed = this.one.granted?.[name] ?? this.one.fixed?.(name, nth);
        list.push(fixed ?? (this.silent.has(name) ? 0 : menu === undefined ? o.answer(type) : o.of(menu)));
      }
      answers.set(name, list);
    }
    return answers;
  }

  /** The call of a seed; it is `sleeping` on the model's side when callees that can sleep do. */
  make(random: Random): { call: HeldCall; sleeps: boolean } {
    const o = new Operands(random);
    const writes = (this.one.races ?? []).flatMap(([call, end]) => {
      if (o.below(3) !== 0) return [];
      const numbers = this.fields.flatMap((field, i) => (field.name.endsWith(`.${end}`) ? [i] : []));
      const field = o.of(numbers);
      return [{ call, nth: o.below(3), field, value: this.valueOf(o, field) }];
    });
    const callees = this.f.callees.filter((name) => this.one.granted?.[name] === undefined);
    // whatever a stand-in stands for, and other CPUs meanwhile, may write what the function reads or writes
    if (this.one.alone !== true && callees.length > 0 && this.followed.length > 0) {
      for (let n = o.below(3); n > 0; n--) {
        const field = o.of(this.followed);
        writes.push({ call: o.of(callees), nth: o.below(2), field, value: this.valueOf(o, field) });
      }
    }
    const cpu = o.below(NR_CPUS);
    const call = {
      cpu,
      task: o.below(NR_TASKS),
      args: this.f.takes.map((_, i) => this.makeArgument(o, i, cpu)),
      state: this.makeState(o),
      answers: this.makeAnswers(o),
      writes,
    };
    return { call, sleeps: o.below(2) === 0 };
  }

  /** A smaller call that still differs: state, arguments, answers and writes set to nothing, one by one. */
  shrink(given: HeldCall, differs: (call: HeldCall) => boolean): HeldCall {
    let call = given;
    const attempt = (next: HeldCall) => {
      if (differs(next)) call = next;
    };
    for (const write of call.writes) attempt({ ...call, writes: call.writes.filter((w) => w !== write) });
    for (const [name, list] of given.answers) {
      if (this.one.granted?.[name] !== undefined) continue;
      if (list.some((x) => x !== 0))
        attempt({ ...call, answers: new Map([...call.answers, [name, list.map(() => 0)]]) });
    }
    for (let i = 0; i < given.args.length; i++)
      if (given.args[i] !== 0) attempt({ ...call, args: call.args.map((x, k) => (k === i ? 0 : x)) });
    // halves of the state first
    for (let size = given.state.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < given.state.length; from += size) {
        const rest = call.state.slice(from, from + size);
        if (rest.every((x, k) => x === this.least(from + k))) continue;
        attempt({ ...call, state: call.state.map((x, k) => (k >= from && k < from + size ? this.least(k) : x)) });
      }
    }
    return call;
  }

  private least(i: number): Value {
    const menu = this.fields[i]!.menu;
    return menu === undefined || menu.includes(0) ? 0 : menu[0]!;
  }

  /** The call in words. */
  input(call: HeldCall, sleeps: boolean): string[] {
    const args = this.f.takes.map((p, i) => `${p.name} ${call.args[i]}`);
    const state = this.fields.flatMap((field, i) =>
      call.state[i] === this.least(i) ? [] : [`${field.name} ${call.state[i]}`],
    );
    const answers = [...call.answers]
      .filter(([, list]) => list.some((x) => x !== 0))
      .map(([name, list]) => `${name}() -> ${list.join(' ')}`);
    const writes = call.writes.map(
      (w) => `${this.fields[w.field]!.name} = ${w.value} in call ${w.nth + 1} of ${w.call}()`,
    );
    return [
      `CPU ${call.cpu}, current task ${call.task}${sleeps ? ', callees sleep' : ''}`,
      ...args,
      ...state,
      ...answers,
      ...writes,
    ];
  }
}
