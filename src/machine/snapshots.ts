// SPDX-License-Identifier: GPL-2.0-only
/**
 * Machines of one run, kept small: what each has otherwise than the first, as bytes.
 *
 * Fields get numbers in the order in which they are first seen to differ. A snapshot is a list of (number of the field, how far its
 * value is from the first machine's, nothing for what is true or false); other values, and records of another shape, stand beside.
 */
import { cloneMachine, copyPlain } from './clone.js';
import type { machine } from './state.js';

type Members = Record<string | number, unknown>;

/** A place in the tree, made when something in it differs first. */
interface Site {
  readonly parent: Site | null;
  readonly key: string | number;
  /** of a field that differs somewhere; -1 */
  id: number;
  /** of a record: where it stands in what restore() has looked up */
  readonly record: number;
  readonly members: Map<string | number, Site>;
}

interface Snapshot {
  readonly bytes: Uint8Array;
  readonly others: readonly unknown[];
}

/** Twice a distance that is kept as a number stays exact. */
const FAR = 2 ** 51;
/** What V8 keeps beside the bytes themselves: the array, its buffer, the record around them. */
const OVERHEAD = 320;
/** A value that stands beside: a word, and the bytes of a record or list that is like none before. */
const BESIDE = { value: 12, record: 400 };

const isRecord = (value: unknown): value is Members => typeof value === 'object' && value !== null;

export class Snapshots {
  private readonly root: Site = { parent: null, key: '', id: -1, record: 0, members: new Map() };
  private readonly fields: Site[] = [];
  private records = 1;
  private readonly kept: Snapshot[] = [];
  private room = new Uint8Array(1024);
  private used = 0;
  private others: unknown[] = [];
  private lastId = 0;
  /** of records that nothing before was like */
  private size = 0;
  private readonly alike = new Map<string, unknown>();

  /** `first` is copied: it is number 0. */
  constructor(first: machine) {
    this.first = cloneMachine(first);
  }

  private readonly first: machine;

  get length(): number {
    return this.kept.length + 1;
  }

  /** Forgets all but the first `n`, at least 1. */
  cut(n: number): void {
    this.kept.length = n - 1;
  }

  /** Keeps one more; says how many bytes it takes, about. */
  add(m: machine): number {
    [this.used, this.others, this.lastId, this.size] = [0, [], 0, 0];
    this.compare(this.root, this.first as unknown as Members, m as unknown as Members);
    this.kept.push({ bytes: this.room.slice(0, this.used), others: this.others });
    return this.size + this.used + OVERHEAD + this.others.length * BESIDE.value;
  }

  /** A copy of the machine that was kept as number n. */
  restore(n: number): machine {
    const m = cloneMachine(this.first);
    if (n === 0) return m;
    const { bytes, others } = this.kept[n - 1];
    const records = new Array<Members | undefined>(this.records);
    records[0] = m as unknown as Members;
    let [id, other, at] = [0, 0, 0];
    const take = (): number => {
      let [value, scale] = [0, 1];
      for (;;) {
        const byte = bytes[at++];
        value += (byte & 127) * scale;
        if (byte < 128) return value;
        scale *= 128;
      }
    };
    while (at < bytes.length) {
      const head = take();
      id += signed(head >> 1);
      const { parent, key } = this.fields[id];
      const record = recordAt(parent as Site, records);
      if ((head & 1) === 1) record[key] = copyPlain(others[other++]);
      else if (typeof record[key] === 'boolean') record[key] = !record[key];
      else record[key] = (record[key] as number) + signed(take());
    }
    return m;
  }

  /* ---- keeping ---- */

  private compare(site: Site, was: Members, is: Members): void {
    if (Array.isArray(was)) {
      for (let i = 0; i < was.length; i++) this.member(site, i, was[i], (is as unknown as unknown[])[i]);
    } else {
      for (const key in was) this.member(site, key, was[key], is[key]);
    }
  }

  private member(site: Site, key: string | number, was: unknown, is: unknown): void {
    if (was === is) return;
    if (isRecord(was) && isRecord(is)) {
      if (isAlike(was, is)) {
        this.compare(this.siteOf(site, key), was, is);
        return;
      }
    } else if (typeof was === 'number' && typeof is === 'number') {
      const by = is - was;
      if (Math.abs(by) < FAR && Number.isInteger(by) && was + by === is && !Object.is(is, -0)) {
        this.head(this.siteOf(site, key), 0);
        this.put(unsigned(by));
        return;
      }
    } else if (typeof was === 'boolean' && typeof is === 'boolean') {
      this.head(this.siteOf(site, key), 0);
      return;
    }
    this.head(this.siteOf(site, key), 1);
    this.others.push(isRecord(is) ? this.once(is) : is);
  }

  /** A copy, one for all that are alike: what sleeps does so in the same functions again and again. */
  private once(value: Members): unknown {
    const text = JSON.stringify(value, (_, it: unknown) => (typeof it === 'bigint' ? `${it}n` : it));
    let copy = this.alike.get(text);
    if (copy === undefined) {
      copy = copyPlain(value);
      this.alike.set(text, copy);
      this.size += BESIDE.record;
    }
    return copy;
  }

  private siteOf(parent: Site, key: string | number): Site {
    let site = parent.members.get(key);
    if (site === undefined) {
      site = { parent, key, id: -1, record: this.records++, members: new Map() };
      parent.members.set(key, site);
    }
    return site;
  }

  private head(site: Site, isOther: 0 | 1): void {
    if (site.id < 0) site.id = this.fields.push(site) - 1;
    this.put(unsigned(site.id - this.lastId) * 2 + isOther);
    this.lastId = site.id;
  }

  private put(value: number): void {
    if (this.used + 10 > this.room.length) {
      const room = new Uint8Array(this.room.length * 2);
      room.set(this.room);
      this.room = room;
    }
    let rest = value;
    while (rest >= 128) {
      this.room[this.used++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.room[this.used++] = rest;
  }
}

/** 0, -1, 1, -2, 2 ... as 0, 1, 2, 3, 4 ... */
const unsigned = (n: number): number => (n < 0 ? -2 * n - 1 : 2 * n);
const signed = (n: number): number => (n % 2 === 1 ? -(n + 1) / 2 : n / 2);

/** Of the same members in the same order, so that all of one is told member by member of the other. */
function isAlike(was: Members, is: Members): boolean {
  if (Array.isArray(was) !== Array.isArray(is)) return false;
  if (Array.isArray(was)) return was.length === (is as unknown as unknown[]).length;
  const keys = Object.keys(is);
  let n = 0;
  for (const key in was) if (key !== keys[n++]) return false;
  return n === keys.length;
}

function recordAt(site: Site, records: (Members | undefined)[]): Members {
  const known = records[site.record];
  if (known !== undefined) return known;
  const found = recordAt(site.parent as Site, records)[site.key] as Members;
  records[site.record] = found;
  return found;
}
