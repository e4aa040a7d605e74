// SPDX-License-Identifier: GPL-2.0-only
/** Events that say the same, kept once: of a long run few are unlike all that came before. */
import type { MachineEvent } from '../scenario/events.js';

type Members = Readonly<Record<string, unknown>>;

/** A power of two; where two kinds meet, the later one stays. */
const ROOM = 1024;

export class AlikeEvents {
  private readonly known = new Array<MachineEvent | undefined>(ROOM);

  /** One that says the same: itself where there is none. */
  of(event: MachineEvent): MachineEvent {
    const at = hash(event as unknown as Members) & (ROOM - 1);
    const known = this.known[at];
    if (known !== undefined && isSame(known as unknown as Members, event as unknown as Members)) return known;
    this.known[at] = event;
    return event;
  }
}

function hash(event: Members): number {
  let sum = 0;
  for (const key in event) {
    const value = event[key];
    const part = typeof value === 'number' ? value : typeof value === 'string' ? value.charCodeAt(value.length - 1) : 1;
    sum = (Math.imul(sum, 31) + part) | 0;
  }
  return sum ^ (sum >>> 10);
}

/** Members that are lists or records are never taken to be the same. */
function isSame(one: Members, other: Members): boolean {
  for (const key in one) if (one[key] !== other[key]) return false;
  for (const key in other) if (!(key in one)) return false;
  return true;
}
