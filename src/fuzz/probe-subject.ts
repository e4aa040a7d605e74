// SPDX-License-Identifier: GPL-2.0-only
import { sample } from 'fast-check';
import type { Property } from '../../properties/vocabulary.js';
import { probeAhead } from '../explore/probes.js';

/** Everything that will be probed, ahead: each probed table is a kernel of a shape of its own to V8. */
export function probeSubject(properties: readonly Property[], brought: readonly string[]): void {
  probeAhead(brought);
  for (const { given, watch } of properties) {
    try {
      const [scenario] = sample(given.scenario, { numRuns: 1, seed: 1 });
      probeAhead(Object.keys(watch(scenario).probes ?? {}));
    } catch {
      // what a user's property throws is told when it is asked
    }
  }
}
