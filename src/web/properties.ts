// SPDX-License-Identifier: GPL-2.0-only
/** What properties say of the run that the page shows. */
import { claimsOf, families, familiesOf, familiesOfArm64, familiesOfS390 } from '../../properties/claims.js';
import { DIFFERENCE, differenceClaim } from '../../properties/difference.js';
import type { Claim, Property } from '../../properties/vocabulary.js';
import { runCase } from '../explore/case.js';
import { machineEngine } from '../explore/machine-engine.js';
import { propertyOf } from '../explore/subject.js';
import { int64Kind } from '../lib/int64-choice.js';
import type { MachineEvent } from '../scenario/events.js';
import { kernelByName, seriesIds } from '../series/registry.js';
import type { PageTarget } from '../step/page-data.js';
import type { Kernel } from '../vmlinux/bind.js';

export function propertyNamed(target: PageTarget): Property | undefined {
  const { property: id, kernel, against } = target;
  if (id === undefined) return undefined;
  if (id.startsWith(`${DIFFERENCE}.`) && against !== undefined)
    return propertyOf([differenceClaim(kernelByName(against), kernelByName(kernel))], id);
  return propertyOf(
    [...families, ...familiesOfArm64, ...familiesOfS390, ...seriesIds().flatMap((it) => claimsOf(it))],
    id,
  );
}

/** The event that breaks the run's own property; -1 for none, null for a run without one that is known here. */
export function brokenAt(target: PageTarget, kernel: Kernel, events: readonly MachineEvent[]): number | null {
  const property = propertyNamed(target);
  if (property === undefined || !mayAsk(property)) return null;
  const { scenario } = target;
  const { failure } = runCase({ engine: machineEngine, kernel, scenario, property, course: { events } });
  return failure === null ? -1 : Math.max(0, failure.index);
}

/** Some are about 64-bit arithmetic itself, and that is settled when the page is loaded. */
const mayAsk = ({ int64 }: Property): boolean => int64 !== 'checked' || int64Kind() === 'checked';

/** What a property says of a run. */
export interface Said {
  readonly id: string;
  readonly says: string;
  /** the run was found for it */
  readonly own: boolean;
  /** the event that breaks it; -1 for none */
  readonly broken: number;
  /** why it breaks, or why it was not asked */
  readonly why: string;
  /** how often the case that it is about came up */
  readonly reached: number;
  readonly asked: boolean;
}

/** Properties that the kernel is asked by `check`: the run's own first, then its series', then those of every kernel. */
export function propertiesFor(target: PageTarget, kernel: Kernel): { property: Property; own: boolean }[] {
  const own = propertyNamed(target);
  const series = kernel.name.split('+').flatMap((it) => claimsOf(it.replace(/~\d+$/, '')));
  const common: readonly Claim[] = familiesOf(kernel.arch);
  const all = [...series, ...common].flatMap(({ properties }) => properties);
  const rest = all.filter(({ id, int64 }) => id !== own?.id && int64 === undefined);
  return [
    ...(own === undefined ? [] : [{ property: own, own: true }]),
    ...rest.map((property) => ({ property, own: false })),
  ];
}

export function said(
  { property, own }: { property: Property; own: boolean },
  target: PageTarget,
  kernel: Kernel,
  events: readonly MachineEvent[],
): Said {
  const { scenario } = target;
  const { id, says } = property;
  const told = { id, says, own, broken: -1, reached: 0 };
  if (!mayAsk(property))
    return { ...told, asked: false, why: 'it is about checked arithmetic, and this page computes plainly' };
  if (property.about !== undefined && kernel.table[property.about] === undefined)
    return { ...told, asked: false, why: `${kernel.name} has no ${property.about}()` };
  try {
    const { failure, reached, notModelled } = runCase({
      engine: machineEngine,
      kernel,
      scenario,
      property,
      course: { events },
    });
    if (notModelled !== null) return { ...told, asked: false, why: notModelled };
    const broken = failure === null ? -1 : Math.max(0, failure.index);
    return { ...told, asked: true, broken, reached, why: failure?.message ?? '' };
  } catch (thrown) {
    return { ...told, asked: false, why: (thrown as Error).message };
  }
}
