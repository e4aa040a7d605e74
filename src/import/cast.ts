// SPDX-License-Identifier: GPL-2.0-only
/** The tasks of a recording: who they are, and what each did before the recording begins. */
import type { Named, Standing } from './events.js';

/** An index of `Cast.all`; IDLE is whichever idle thread the CPU has. */
export type Who = number;
export const IDLE: Who = -1;

export interface Player {
  who: Who;
  pid: number;
  comm: string;
  /** the kernel's, 0 to 139, as it was first printed */
  prio: number;
  /** what it is when the recording begins */
  begins: 'running' | 'queued' | 'asleep' | 'unborn';
  /** the CPU that it is first seen on */
  cpu: number;
  /** the first that the recording says about where it stands */
  first: Standing | null;
  vcpu: boolean;
}

const NICE_0 = 120;
const UNKNOWN = '<...>';

/** Threads that a machine of the model may have, and a few for the idle ones. */
const PLAYERS_MAX = 4000;

export class Cast {
  readonly all: Player[] = [];
  /** tasks beyond what a machine may have: their events are left out */
  left = 0;
  private readonly byPid = new Map<number, Who>();
  private readonly dead = new Set<number>();
  private readonly known = new Set<Who>();

  /** Who has the pid now; `begins` is for one that was not seen before. null: too many. */
  who({ pid, comm, prio }: Named, begins: Player['begins'], cpu: number): Who | null {
    if (pid === 0) return IDLE;
    const there = this.byPid.get(pid);
    if (there === undefined || (this.dead.has(pid) && begins === 'unborn'))
      return this.enter(pid, comm, prio, begins, cpu);
    const player = this.all[there];
    if (comm !== '' && comm !== UNKNOWN && (player.comm === '' || player.comm === UNKNOWN)) player.comm = comm;
    if (prio !== null && !this.known.has(there)) {
      player.prio = prio;
      this.known.add(there);
    }
    return there;
  }

  /** Without making one. */
  find(pid: number): Who | undefined {
    return pid === 0 ? IDLE : this.byPid.get(pid);
  }

  private enter(pid: number, comm: string, prio: number | null, begins: Player['begins'], cpu: number): Who | null {
    if (this.all.length >= PLAYERS_MAX) {
      this.left++;
      return null;
    }
    this.dead.delete(pid);
    const who = this.all.length;
    this.byPid.set(pid, who);
    if (prio !== null) this.known.add(who);
    this.all.push({ who, pid, comm, prio: prio ?? NICE_0, begins, cpu, first: null, vcpu: false });
    return who;
  }

  died(who: Who): void {
    if (who !== IDLE) this.dead.add(this.all[who].pid);
  }
}

/** Names for a scenario: printable, of 15 characters at most, no two the same. */
export function commsOf(cast: Cast): string[] {
  const seen = new Map<string, number>();
  const plain = cast.all.map(({ comm, pid }) => {
    const text = comm.replace(/[^\x21-\x7e]/g, '_').slice(0, 15);
    return text === '' || text === UNKNOWN ? `pid${pid}` : text;
  });
  for (const comm of plain) seen.set(comm, (seen.get(comm) ?? 0) + 1);
  const taken = new Set(plain.filter((comm) => seen.get(comm) === 1));
  return plain.map((comm, who) => {
    if (seen.get(comm) === 1) return comm;
    for (let n = 0; ; n++) {
      const tail = n === 0 ? `:${cast.all[who].pid}` : `:${cast.all[who].pid}.${n}`;
      const made = `${comm.slice(0, 15 - tail.length)}${tail}`;
      if (taken.has(made)) continue;
      taken.add(made);
      return made;
    }
  });
}
