// SPDX-License-Identifier: GPL-2.0-only
import { type Asker, answerHere, samplesHere } from '../../src/explore/asker.js';
import type { Engine } from '../../src/explore/engine.js';
import { measure } from '../../src/explore/measures.js';
import type { Subject } from '../../src/explore/subject.js';

/** Answers everything in this process, one after the other, for engines that no worker has. */
export function localAsker(engine: Engine, subject: Subject): Asker {
  const turn = <T>(work: () => T): Promise<T> => Promise.resolve().then(work);
  return {
    ask: (question) => turn(() => answerHere(engine, subject, question)),
    measure: (kernel, variation) =>
      turn(() => measure(engine, subject.kernels.find((k) => k.name === kernel)!, undefined, variation)),
    samples: (kernel, isStatic) => turn(() => samplesHere(subject, kernel, isStatic)),
    unreached: async () => [],
    close: async () => undefined,
  };
}
