// SPDX-License-Identifier: GPL-2.0-only
import { mix32 } from '../machine/rng.js';

/** A stream of draws from one number. */
export class Draws {
  constructor(private state: number) {}

  /**
   * 0 to n - 1
   *
   * WHY | 0: what Math.floor() gives may be a double to V8, and a member that was an integer until then becomes one in every
   * record of its kind: all code compiled for those is thrown away. Beyond 31 bits it would be another number.
   */
  below(n: number): number {
    this.state = mix32(this.state);
    const drawn = (this.state / 0x1_0000_0000) * n;
    return n <= 0x8000_0000 ? drawn | 0 : Math.floor(drawn);
  }

  of<T>(menu: readonly T[]): T {
    return menu[this.below(menu.length)];
  }

  /** 32 bits */
  word(): number {
    this.state = mix32(this.state);
    return this.state >>> 0;
  }
}
