// SPDX-License-Identifier: GPL-2.0-only
/** Values of options, checked together so that every fault is said at once. */
import { BadInput, type Fault, oneOf } from '../base/faults.js';

/** Collects faults of a command line; `done` throws them all. */
export class Options {
  readonly #faults: Fault[] = [];

  /** A whole number in a range, or undefined when the option is absent. */
  whole(option: string, text: string | undefined, min: number, max: number): number | undefined {
    if (text === undefined) return undefined;
    const n = Number(text);
    if (/^\d+$/.test(text) && n >= min && n <= max) return n;
    this.fault(option, `a whole number from ${min} to ${max}`, JSON.stringify(text));
    return undefined;
  }

  /** One word of a closed set. */
  word<W extends string>(option: string, text: string, words: readonly W[]): W {
    const found = words.find((w) => w === text);
    if (found === undefined) this.fault(option, oneOf('one of these', text, words), JSON.stringify(text));
    return found ?? words[0];
  }

  /** At most one of these may be given. */
  oneOf(given: readonly string[]): void {
    if (given.length > 1) this.fault(given[1], 'one format', given.join(' and '));
  }

  /** Nothing is wrong so far. */
  get isFine(): boolean {
    return this.#faults.length === 0;
  }

  fault(place: string, expected: string, got: string): void {
    this.#faults.push({ code: 'usage', place, expected, got });
  }

  /** Throws BadInput when anything was wrong. */
  done(): void {
    if (this.#faults.length > 0) throw new BadInput('command line', this.#faults);
  }
}
