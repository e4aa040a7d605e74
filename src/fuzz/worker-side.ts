// SPDX-License-Identifier: GPL-2.0-only
/** One member of a crew: does lanes, shrinks, and runs again what others kept. The same in a thread and in this process. */
import type { Property } from '../../properties/vocabulary.js';
import { runCase } from '../explore/case.js';
import type { Engine } from '../explore/engine.js';
import { KernelBug } from '../lib/bug.js';
import { knobEventFaults, knobFaults } from '../machine/knobs.js';
import type { machine } from '../machine/state.js';
import { abstractState } from './abstract-state.js';
import { beginRun, forgetHits, learnHits, takeHits } from './branch-counts.js';
import type { Reran } from './campaign.js';
import { rawKey } from './cause.js';
import { type Finding, type Kernels, shortened } from './finding.js';
import { type Entered, enteredKernel } from './focus.js';
import type { Entry, KeptEntry, Raw } from './input.js';
import { Knowledge } from './knowledge.js';
import { type LaneJob, type LaneResult, runLane } from './lane.js';

export class Member {
  private readonly known = new Knowledge();
  private readonly entered: Entered | null;

  constructor(
    private readonly engine: Engine,
    private readonly kernels: Kernels,
    private readonly propertyOf: (id: string) => Property | undefined,
  ) {
    this.entered = enteredKernel(kernels.own, kernels.brought);
  }

  lane(job: LaneJob): LaneResult {
    return runLane(
      this.engine,
      this.kernels.own,
      this.property(job.property),
      job,
      this.known,
      job.guided ? this.entered : null,
    );
  }

  shorten(raw: Raw): Finding {
    return shortened(this.engine, this.kernels, this.property(raw.property), raw);
  }

  learn(kept: readonly KeptEntry[]): void {
    for (const entry of kept) {
      this.known.learn(entry);
      learnHits(entry.news);
    }
  }

  /** All that one run shows, whatever is known. */
  again(entry: Entry): Reran {
    const property = this.propertyOf(entry.property);
    const none = (why: string): Reran => ({ kept: null, raw: null, why });
    if (property === undefined) return none(`${entry.property} is not asked of ${this.kernels.own.name}`);
    const { scenario, events } = entry;
    const faults = [
      ...knobFaults([this.kernels.own], scenario),
      ...knobEventFaults([this.kernels.own], events, 'events'),
    ];
    if (faults.length > 0) return none(`${faults[0].place}: expected ${faults[0].expected}, got ${faults[0].got}`);
    const states = new Set<number>();
    const observe = (m: machine): void => void states.add(abstractState(m));
    forgetHits();
    const began = (): void => {
      beginRun({ branches: [], pairs: [] });
      states.clear();
    };
    try {
      const { engine } = this;
      const course = { events };
      const kernel = this.kernels.own;
      const result = runCase({ engine, kernel, scenario, course, property, witness: true, began, observe });
      const news = { ...takeHits(), states: [...states] };
      const nearest = Number.isFinite(result.nearest) ? result.nearest : null;
      const { failure } = result;
      if (failure !== null) return { kept: null, raw: this.rawOf(entry, result.events, failure.message), why: '' };
      return { kept: { ...entry, news, nearest }, raw: null, why: '' };
    } catch (thrown) {
      if (!(thrown instanceof KernelBug)) return none(thrown instanceof Error ? thrown.message : String(thrown));
      return { kept: null, raw: this.rawOf(entry, [], `dies at boot: ${thrown.message}`), why: '' };
    }
  }

  private rawOf({ property, scenario }: Entry, events: Raw['events'], message: string): Raw {
    return {
      property,
      scenario,
      events,
      message,
      key: rawKey(property, message, scenario, events.at(-1)),
      seen: 1,
      after: 0,
    };
  }

  private property(id: string): Property {
    const found = this.propertyOf(id);
    if (found === undefined) throw new Error(`no property ${id} in this campaign`);
    return found;
  }
}
