// SPDX-License-Identifier: GPL-2.0-only
/**
 * Copies a machine about as fast as memory allows, into records of the very shape that V8 knows from the original.
 *
 * WHY generated: a literal with the same members in the same order shares its hidden class with the factory's
 * records, so the copy runs as fast as the original; a spread, a loop over the keys or structuredClone() does not,
 * and slows the original down as well. WHY not written by hand: a field that somebody adds would be lost.
 */
import { assert } from '../base/assert.js';
import type { kernel_state_x86 } from '../vmlinux/vmlinux-x86.js';
import type { machine } from './state.js';

type Copier = (value: never) => unknown;

/** How the records at one place of the tree are copied; nearly always all of them have the same members. */
interface Site {
  members: string[];
  copier: Copier | null;
}

/** Values without references to anything. */
const isFlat = (value: unknown): boolean => typeof value !== 'object' || value === null;

const newSite = (): Site => ({ members: [], copier: null });

/** Anything plain that is not flat. */
function copyAt(site: Site, value: object): unknown {
  if (Array.isArray(value)) return copyArray(site, value);
  if (site.copier === null || !hasMembers(value, site.members)) {
    site.members = Object.keys(value);
    site.copier = copierOf(site.members);
  }
  return site.copier(value as never);
}

function copyArray(site: Site, values: readonly unknown[]): unknown[] {
  if (values.length === 0 || (isFlat(values[0]) && values.every(isFlat))) return values.slice();
  const out = new Array<unknown>(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    out[i] = isFlat(value) ? value : copyAt(site, value as object);
  }
  return out;
}

function hasMembers(value: object, members: readonly string[]): boolean {
  let n = 0;
  for (const key in value) if (key !== members[n++]) return false;
  return n === members.length;
}

/** Copiers by the names of a record's members, in order. */
const copiers = new Map<string, Copier>();

function copierOf(members: readonly string[]): Copier {
  const shape = members.join();
  let copier = copiers.get(shape);
  if (copier === undefined) {
    copier = generates ? generated(members) : looped(members);
    copiers.set(shape, copier);
  }
  return copier;
}

let generates = true;

/** From here on copies are made member by member: a page whose policy forbids code from strings calls this first. */
export function copyWithoutCode(): void {
  generates = false;
}

export const generatesCode = (): boolean => generates;

function looped(keys: readonly string[]): Copier {
  const sites = keys.map(newSite);
  return (value) => {
    const record = value as Record<string, unknown>;
    const out: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const member = record[key];
      out[key] = isFlat(member) ? member : copyAt(sites[i], member as object);
    }
    return out;
  };
}

const plainName = /^[A-Za-z_$][\w$]*$/;

/** `(o) => ({ a: o.a, ... })`, with a site of its own for each member that is not flat. */
function generated(keys: readonly string[]): Copier {
  const members = keys.map((key, i) => {
    assert(plainName.test(key), `a member that is a plain name, not ${JSON.stringify(key)}`);
    return `${key}: typeof o.${key} === 'object' && o.${key} !== null ? copyAt(sites[${i}], o.${key}) : o.${key}`;
  });
  // Names of members only, checked above: nothing of the user's is compiled.
  const make = new Function('copyAt', 'sites', `return (o) => ({ ${members.join(', ')} });`);
  return make(copyAt, keys.map(newSite)) as Copier;
}

const root = newSite();

/** A machine that shares nothing with this one. */
export function cloneMachine<T extends kernel_state_x86 = machine>(m: T): T {
  return copyAt(root, m) as T;
}

const loose = newSite();

/** A copy of any plain value. */
export const copyPlain = (value: unknown): unknown =>
  isFlat(value) ? value : copyAt(Array.isArray(value) ? newSite() : loose, value as object);
