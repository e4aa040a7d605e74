// SPDX-License-Identifier: GPL-2.0-only
/** Optional members: absent, never `undefined`. */

type May<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** T with every member that may be undefined left out instead. */
export type Defined<T> = Omit<T, May<T>> & { [K in May<T>]?: Exclude<T[K], undefined> };

/** A copy of `members` without those that are undefined, in the same order. */
export function defined<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}
