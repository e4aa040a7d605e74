// SPDX-License-Identifier: GPL-2.0-only
/** Who answers the questions of a check: this process, or workers that loaded the same subject. */
import { sample } from 'fast-check';
import type { Claim, Property } from '../../properties/vocabulary.js';
import type { Measures, Unreached } from '../report/check-report.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type Answer, type AskOptions, ask } from './ask.js';
import type { Engine } from './engine.js';
import { MEASURED } from './measures.js';
import { probeAhead } from './probes.js';
import { propertyOf, questionsOf, type Subject } from './subject.js';

/** A question as plain data, so that it can go to a worker. */
export interface Question {
  property: string;
  kernel: string;
  /** the property has to be asked where 64-bit integers are checked */
  int64: 'number' | 'checked';
  options: Omit<AskOptions, 'stop'>;
}

export interface Asker {
  ask(question: Question): Promise<Answer>;
  /** measures of a kernel by name; with another `variation`, over slightly other runs */
  measure(kernel: string, variation: number): Promise<Measures>;
  /** samples of the subject's distributions, row by row; `isStatic`: with vCPUs that are real-time for good */
  samples(kernel: string, isStatic: boolean): Promise<number[][]>;
  /** branches of the series' own functions that nothing asked so far took */
  unreached(): Promise<Unreached[]>;
  /** nothing is asked any more */
  close(): Promise<void>;
}

function kernelOf(subject: Subject, name: string): Kernel {
  const kernel = subject.kernels.find((k) => k.name === name);
  if (kernel === undefined) throw new Error(`no kernel ${name} in this check`);
  return kernel;
}

/** See Asker.samples. */
export function samplesHere(subject: Subject, kernel: string, isStatic: boolean): number[][] {
  return subject.distributions?.of(kernelOf(subject, kernel), isStatic) ?? [];
}

const foreseen = new WeakSet<readonly Claim[]>();

/** What the property probes in a machine of its world; nothing where it cannot be told without asking it. */
function probesOf({ given, watch }: Property): string[] {
  try {
    const [scenario] = sample(given.scenario, { numRuns: 1, seed: 1 });
    return Object.keys(watch(scenario).probes ?? {});
  } catch {
    return []; // what a user's property throws is told when it is asked
  }
}

/** Looks what all properties will probe, each in a machine of its world: before the first of many is asked. */
export function foresee(claims: readonly Claim[]): void {
  if (foreseen.has(claims)) return;
  foreseen.add(claims);
  probeAhead(MEASURED);
  for (const { properties } of claims) {
    for (const property of properties) probeAhead(probesOf(property));
  }
}

/** Answers one question on the spot. */
export function answerHere(engine: Engine, subject: Subject, question: Question): Answer {
  foresee(subject.claims);
  const property = propertyOf(questionsOf(subject), question.property);
  if (property === undefined) throw new Error(`no property ${question.property} in this check`);
  return ask(engine, kernelOf(subject, question.kernel), property, question.options);
}
