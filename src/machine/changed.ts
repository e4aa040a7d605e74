// SPDX-License-Identifier: GPL-2.0-only
/**
 * What one machine has otherwise than another, found by looking at both: about as fast as copying one.
 *
 * WHY generated: as in clone.ts, a function that names the members of a record reads them without looking them up.
 */
import { assert } from '../base/assert.js';
import { generatesCode } from './clone.js';

type Members = Record<string, unknown>;

/** A member with its new value, or with what changed inside of it. */
export interface Changed {
  readonly key: string | number;
  readonly value: unknown;
  readonly inside: readonly Changed[] | null;
}

/** Stands for a member that went. */
export const GONE = Symbol('gone');

type Differ = (was: never, is: never) => Changed[] | null;

interface Site {
  members: readonly string[];
  differ: Differ | null;
}

const newSite = (): Site => ({ members: [], differ: null });
const isRecord = (value: unknown): value is Members => typeof value === 'object' && value !== null;

/** Of two records, or of two lists; null for nothing. */
function changedAt(site: Site, was: object, is: object): Changed[] | null {
  if (Array.isArray(was)) return changedList(site, was, is as unknown[]);
  if (site.differ === null || !hasMembers(was, site.members)) {
    site.members = Object.keys(was);
    site.differ = differOf(site.members);
  }
  const found = site.differ(was as never, is as never);
  return hasMembers(is, site.members) ? found : withOthers(found, was as Members, is as Members);
}

/** Members that came, and those that went, which differ as if they were undefined. */
function withOthers(found: Changed[] | null, was: Members, is: Members): Changed[] | null {
  const list = (found ?? []).map((it) => (it.key in is ? it : { ...it, value: GONE }));
  for (const key in is) if (!(key in was)) list.push({ key, value: is[key], inside: null });
  return list.length === 0 ? null : list;
}

function changedList(site: Site, was: readonly unknown[], is: readonly unknown[]): Changed[] | null {
  let found: Changed[] | null = null;
  const both = Math.min(was.length, is.length);
  for (let i = 0; i < both; i++) if (was[i] !== is[i]) found = noted(found, i, was[i], is[i], site);
  if (was.length > is.length) {
    found ??= [];
    found.push({ key: 'length', value: is.length, inside: null });
  }
  for (let i = both; i < is.length; i++) found = noted(found, i, undefined, is[i], site);
  return found;
}

/** Two values that are not the same one. */
function noted(found: Changed[] | null, key: string | number, was: unknown, is: unknown, site: Site): Changed[] | null {
  if (isRecord(was) && isRecord(is) && Array.isArray(was) === Array.isArray(is)) {
    const inside = changedAt(site, was, is);
    if (inside === null) return found;
    const list = found ?? [];
    list.push({ key, value: undefined, inside });
    return list;
  }
  const list = found ?? [];
  list.push({ key, value: is, inside: null });
  return list;
}

function hasMembers(value: object, members: readonly string[]): boolean {
  let n = 0;
  for (const key in value) if (key !== members[n++]) return false;
  return n === members.length;
}

const differs = new Map<string, (sites: readonly Site[]) => Differ>();

function differOf(members: readonly string[]): Differ {
  const shape = members.join();
  let make = differs.get(shape);
  if (make === undefined) {
    make = generatesCode() ? generated(members) : looped(members);
    differs.set(shape, make);
  }
  return make(members.map(newSite));
}

const looped =
  (keys: readonly string[]) =>
  (sites: readonly Site[]): Differ =>
  (was: Members, is: Members) => {
    let found: Changed[] | null = null;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (was[key] !== is[key]) found = noted(found, key, was[key], is[key], sites[i]);
    }
    return found;
  };

const plainName = /^[A-Za-z_$][\w$]*$/;

function generated(keys: readonly string[]): (sites: readonly Site[]) => Differ {
  const lines = keys.map((key, i) => {
    assert(plainName.test(key), `a member that is a plain name, not ${JSON.stringify(key)}`);
    return `if (a.${key} !== b.${key}) found = noted(found, '${key}', a.${key}, b.${key}, sites[${i}]);`;
  });
  // Names of members only, checked above: nothing of the user's is compiled.
  const make = new Function(
    'noted',
    'sites',
    `return (a, b) => { let found = null; ${lines.join(' ')} return found; };`,
  );
  return (sites) => make(noted, sites) as Differ;
}

const root = newSite();

/** What `is` has otherwise than `was`; null for nothing. */
export const changedIn = (was: object, is: object): readonly Changed[] | null => changedAt(root, was, is);
