// SPDX-License-Identifier: GPL-2.0-only
/** A crew of this process: branches are not counted here, kinds of state and margins are all that guides it. */
import { machineEngine } from '../../src/explore/machine-engine.js';
import type { Crew } from '../../src/fuzz/campaign.js';
import { Member } from '../../src/fuzz/worker-side.js';
import { type FuzzSubject, fuzzSubject } from '../../src/loader/fuzz-subject.js';

export const subjectOf = (target: string, only: readonly string[] = []): Promise<FuzzSubject> =>
  fuzzSubject({ target, cwd: '/', only }, false);

/** `members`: lanes go round among so many; what comes of it must not depend on that. */
export function localCrew(subject: FuzzSubject, members = 1): Crew {
  const all = Array.from(
    { length: members },
    () => new Member(machineEngine, subject, (id) => subject.properties.find((p) => p.id === id)),
  );
  let turn = 0;
  const next = (): Member => all[turn++ % members];
  return {
    lane: async (job) => next().lane(job),
    shorten: async (raw) => next().shorten(raw),
    again: async (entries) => entries.map((entry) => next().again(entry)),
    learn: (kept) => {
      for (const member of all) member.learn(kept);
    },
    close: async () => undefined,
  };
}
