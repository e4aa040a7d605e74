// SPDX-License-Identifier: GPL-2.0-only
/** Releases in their order, by their names. */

/** Orders versions: `6.19.0-rc1` before `6.19.0`, which a tree calls 6.19 by. */
export function versionKey(version: string): number {
  const [, major, minor, patch, rc] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-rc(\d+))?/.exec(version) ?? [];
  const place = rc === undefined ? 1000 + Number(patch ?? 0) : Number(rc);
  return (Number(major ?? 0) * 1000 + Number(minor ?? 0)) * 10_000 + place;
}

/** Whether a kernel, by its name, is a release before `since` or stands on one. A kernel without a version is as new as any. */
export function isBefore(kernel: string, since: string): boolean {
  return /^v\d+\.\d/.test(kernel) && versionKey(kernel) < versionKey(since);
}
