// SPDX-License-Identifier: GPL-2.0-only
/** 64 bits that are alike for machines that will do the same, and a set of them that takes little memory. */
import { machineRules, type Rules, relative, type Treatment, treatmentOf } from './canonical.js';
import { hashText, mix32 } from './rng.js';
import type { machine } from './state.js';

/** Two 32-bit lanes. */
export interface Fingerprint {
  lo: number;
  hi: number;
}

class Hasher {
  lo = 0x243f_6a88;
  hi = 0x85a3_08d3;

  word(x: number): void {
    this.lo = Math.imul((this.lo ^ x) | 0, 0x9e37_79b1);
    this.lo ^= this.lo >>> 15;
    this.hi = Math.imul(((this.hi << 13) | (this.hi >>> 19)) ^ x, 0x85eb_ca77) + 0x27d4_eb2f;
  }

  number(x: number): void {
    if ((x | 0) === x) {
      this.word(x);
      return;
    }
    this.word(x >>> 0);
    this.word(Math.floor(x / 0x1_0000_0000) | 0);
    this.word(0x5851_f42d);
  }

  bigint(x: bigint): void {
    this.word(Number(x & 0xffff_ffffn));
    this.word(Number((x >> 32n) & 0xffff_ffffn));
    this.word(0x1405_7b7e);
  }

  /** Anything plain. Arrays and records are closed by a mark, so that no two trees read alike. */
  value(x: unknown): void {
    switch (typeof x) {
      case 'number':
        this.number(x);
        return;
      case 'bigint':
        this.bigint(x);
        return;
      case 'boolean':
        this.word(x ? 0x3c6e_f372 : 0x1f83_d9ab);
        return;
      case 'string':
        this.word(hashText(x));
        return;
      case 'undefined':
        this.word(0x5be0_cd19);
        return;
      default:
    }
    if (x === null) this.word(0x510e_527f);
    else if (Array.isArray(x)) {
      for (const item of x) this.value(item);
      this.word(0x9b05_688c);
    } else {
      for (const field in x as object) {
        this.word(hashField(field));
        this.value((x as Record<string, unknown>)[field]);
      }
      this.word(0x6a09_e667);
    }
  }
}

const fieldHashes = new Map<string, number>();
function hashField(field: string): number {
  let h = fieldHashes.get(field);
  if (h === undefined) {
    h = hashText(field) | 0;
    fieldHashes.set(field, h);
  }
  return h;
}

/** What is known of a field before any record is looked at. */
interface Plan {
  field: string;
  hash: number;
  /** undefined: it depends on the record */
  fixed: Treatment | Rules | undefined;
  /** no rules: where the order of the members of what stands here is remembered */
  inner: Rules;
}

/** Plans by name, and in the order in which a record last had its fields: nearly always the next one has the same. */
interface Plans {
  byName: Map<string, Plan>;
  inOrder: Plan[];
}

const plansOf = new WeakMap<Rules, Plans>();

function planOf(rules: Rules, plans: Plans, field: string, record: unknown, m: machine): Plan {
  let plan = plans.byName.get(field);
  if (plan === undefined) {
    const depends = typeof rules[field] === 'function';
    const fixed = depends ? undefined : treatmentOf(rules, field, record, m);
    plan = { field, hash: hashField(field), fixed, inner: {} };
    plans.byName.set(field, plan);
  }
  return plan;
}

function ruled(h: Hasher, value: unknown, rules: Rules, m: machine): void {
  if (typeof value !== 'object' || value === null) h.value(value);
  else if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'number') h.number(item);
      else ruled(h, item, rules, m);
    }
    h.word(0x9b05_688c);
  } else ruledRecord(h, value as Record<string, unknown>, rules, m);
}

function ruledRecord(h: Hasher, record: Record<string, unknown>, rules: Rules, m: machine): void {
  let plans = plansOf.get(rules);
  if (plans === undefined) {
    plans = { byName: new Map(), inOrder: [] };
    plansOf.set(rules, plans);
  }
  const { inOrder } = plans;
  let i = 0;
  for (const field in record) {
    let plan = inOrder[i];
    if (plan === undefined || plan.field !== field) {
      plan = planOf(rules, plans, field, record, m);
      inOrder[i] = plan;
    }
    i++;
    const treatment = plan.fixed ?? treatmentOf(rules, field, record, m);
    if (treatment === 'dead' || treatment === 'constant') continue;
    const inner = record[field];
    h.word(plan.hash);
    if (treatment === 'raw') {
      if (typeof inner === 'number') h.number(inner);
      else ruled(h, inner, plan.inner, m);
    } else if (typeof treatment === 'object') ruled(h, inner, treatment, m);
    else if (Array.isArray(inner)) for (const item of inner) h.value(relative(treatment, item, record, m));
    else h.value(relative(treatment, inner, record, m));
  }
}

/** Of all that decides what the machine will do; `more` (a monitor's notes) counts as well. */
export function fingerprint(m: machine, more?: unknown): Fingerprint {
  const h = new Hasher();
  ruled(h, m, machineRules, m);
  h.value(more);
  const lo = mix32(h.lo);
  return { lo, hi: mix32(h.hi ^ lo) };
}

/**
 * Open addressing over two 32-bit lanes: 8 bytes an entry, at most half full, so 16 to 32 bytes a state.
 *
 * MODEL: two states with one fingerprint count as one. With a million states the odds of any such pair are below
 * 1 in 30 million.
 */
export class FingerprintSet {
  private lanes = new Uint32Array(2 * 1024);
  private mask = 1023;
  size = 0;

  /** True when it was not there before. */
  add({ lo, hi }: Fingerprint): boolean {
    // (0, 0) marks an empty place
    const tag = (lo | hi) === 0 ? 1 : lo;
    let at = hi & this.mask;
    for (;;) {
      const l = this.lanes[2 * at];
      const h = this.lanes[2 * at + 1];
      if ((l | h) === 0) break;
      if (l === tag >>> 0 && h === hi >>> 0) return false;
      at = (at + 1) & this.mask;
    }
    this.lanes[2 * at] = tag;
    this.lanes[2 * at + 1] = hi;
    if (++this.size * 2 > this.mask) this.grow();
    return true;
  }

  get bytes(): number {
    return this.lanes.byteLength;
  }

  private grow(): void {
    const old = this.lanes;
    this.mask = 2 * this.mask + 1;
    this.lanes = new Uint32Array(2 * (this.mask + 1));
    for (let i = 0; i < old.length; i += 2) {
      if ((old[i] | old[i + 1]) === 0) continue;
      let at = old[i + 1] & this.mask;
      while ((this.lanes[2 * at] | this.lanes[2 * at + 1]) !== 0) at = (at + 1) & this.mask;
      this.lanes[2 * at] = old[i];
      this.lanes[2 * at + 1] = old[i + 1];
    }
  }
}

/** 64 bits that are alike for machines of which every member is alike, unless chance has it otherwise. */
export function exactFingerprint(m: machine): string {
  const h = new Hasher();
  h.value(m);
  return `${(h.lo >>> 0).toString(36)},${(h.hi >>> 0).toString(36)}`;
}
