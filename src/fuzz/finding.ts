// SPDX-License-Identifier: GPL-2.0-only
/** A failure made as short as it gets, and who else shows it. */
import type { Property } from '../../properties/vocabulary.js';
import { runCase } from '../explore/case.js';
import type { Engine } from '../explore/engine.js';
import type { Example } from '../explore/random.js';
import { shrinkCase } from '../explore/shrink.js';
import { KernelBug } from '../lib/bug.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import { causeOf, placeIn } from './cause.js';
import type { Raw } from './input.js';

export interface Finding {
  property: string;
  /** what it does, as short as it was found to be */
  scenario: Scenario;
  events: MachineEvent[];
  message: string;
  /** where it broke: the last function of the series that ran there, or the kernel's own word for it, or the kind of event */
  fn: string;
  /** the base does the same under the same events */
  onBase: boolean;
  /** the one name of all failures that are this one */
  cause: string;
  /** events it had when it was found */
  foundAt: number;
}

export interface Kernels {
  own: Kernel;
  base: Kernel | null;
  /** functions that the series replaces or adds */
  brought: readonly string[];
}

/** Shrinks; unless the base shows what was found, only to what it does not show. */
export function shortened(engine: Engine, kernels: Kernels, property: Property, raw: Raw): Finding {
  const { own, base, brought } = kernels;
  const { scenario, events, message } = raw;
  if (message.startsWith('dies at boot: ')) return atBoot(engine, kernels, raw);
  const breaks = (kernel: Kernel, s: Scenario, list: readonly MachineEvent[]): boolean =>
    failureOf(engine, kernel, property, s, list) !== null;
  const onBase = base !== null && breaks(base, scenario, events);
  const found: Example = { scenario, events, message, foundAt: events.length };
  const still = base === null || onBase ? undefined : (s: Scenario, l: readonly MachineEvent[]) => !breaks(base, s, l);
  const input = { engine, kernel: own, property, witness: true, ...(still === undefined ? {} : { still }) };
  const short = shrinkCase(input, found, true);
  const fn = functionOf(engine, own, property, short, brought);
  const { message: said } = short;
  return {
    property: raw.property,
    scenario: short.scenario,
    events: short.events,
    message: said,
    fn,
    onBase,
    cause: causeOf(raw.property, said, short.scenario, fn),
    foundAt: events.length,
  };
}

function atBoot(engine: Engine, { base }: Kernels, { property, scenario, message }: Raw): Finding {
  let onBase = false;
  try {
    if (base !== null) engine.boot(base, scenario);
  } catch (thrown) {
    if (!(thrown instanceof KernelBug)) throw thrown;
    onBase = true;
  }
  const fn = placeIn(message) || 'boot';
  return {
    property,
    scenario,
    events: [],
    message,
    fn,
    onBase,
    cause: causeOf(property, message, scenario, fn),
    foundAt: 0,
  };
}

/** What the run breaks on the kernel; null when nothing. A kernel that dies at boot breaks it. */
export function failureOf(
  engine: Engine,
  kernel: Kernel,
  property: Property,
  scenario: Scenario,
  events: readonly MachineEvent[],
): string | null {
  try {
    return runCase({ engine, kernel, scenario, course: { events }, property, witness: true }).failure?.message ?? null;
  } catch (thrown) {
    if (!(thrown instanceof KernelBug)) throw thrown;
    return `dies at boot: ${thrown.message}`;
  }
}

/** The last of the series' functions that the failing event entered; else what the kernel said, else the kind of event. */
function functionOf(
  engine: Engine,
  kernel: Kernel,
  property: Property,
  { scenario, events, message }: Example,
  brought: readonly string[],
): string {
  const said = placeIn(message);
  if (said !== '') return said;
  let entered = '';
  const enterOf = (name: string) => () => {
    entered = name;
  };
  const probes = Object.fromEntries(brought.map((name) => [name, { enter: enterOf(name) }]));
  const before = (): void => {
    entered = '';
  };
  const { int64: _, ...rest } = property;
  const watching: Property = {
    ...rest,
    watch: () => ({ probes, before, bug() {}, warn() {}, notes: () => null }),
  };
  runCase({ engine, kernel, scenario, course: { events }, property: watching });
  return entered || (events.at(-1)?.ev ?? 'boot');
}
