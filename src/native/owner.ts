// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which process made a lock, an unfinished directory or a scratch directory, so that a later one can tell whether that
 * process still runs. A pid alone does not say: it is used again, and containers that share a disk number their own.
 */
import { readFileSync, readlinkSync } from 'node:fs';

export interface Owner {
  /** the pid namespace, 0 where there is no /proc */
  readonly space: string;
  readonly pid: number;
  /** when the process started, in clock ticks since boot; 0 where there is no /proc */
  readonly start: string;
}

export type Life = 'alive' | 'dead' | 'unknown';

/** Field 22 of /proc/PID/stat, null when the process is gone. The name before it may contain anything, a ')' as well. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function spaceOfThis(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

export const thisProcess: Owner = { space: spaceOfThis(), pid: process.pid, start: startOf(process.pid) ?? '0' };

/** `4026531836-1234-88123`, as names of directories carry it. */
export const ownerText = ({ space, pid, start }: Owner): string => `${space}-${pid}-${start}`;

/** The owner in a text that begins with one; null when it does not. */
export function ownerIn(text: string): Owner | null {
  const found = /^(\d+)-(\d+)-(\d+)(?!\d)/.exec(text);
  return found === null ? null : { space: found[1]!, pid: Number(found[2]), start: found[3]! };
}

/** Whether the process still runs; unknown when it lives in another pid namespace. */
export function lifeOf(owner: Owner): Life {
  if (owner.space !== thisProcess.space) return 'unknown';
  if (owner.space !== '0') return startOf(owner.pid) === owner.start ? 'alive' : 'dead';
  try {
    process.kill(owner.pid, 0);
    return 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive';
  }
}

/** What the process was started as, for a message; empty when that cannot be read. */
export function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '');
    return words
      .map((word) => word.slice(word.lastIndexOf('/') + 1))
      .join(' ')
      .slice(0, 60);
  } catch {
    return '';
  }
}
