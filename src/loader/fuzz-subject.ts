// SPDX-License-Identifier: GPL-2.0-only
/** What a campaign is about: a kernel, the base it is compared with, and what is asked of it. The same in every worker. */
import { families, familiesOf, recorded } from '../../properties/claims.js';
import { driversClaim } from '../../properties/drivers.js';
import { structure } from '../../properties/structure.js';
import type { Claim, Property, RecordedVerdict } from '../../properties/vocabulary.js';
import { defined } from '../base/defined.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { whyNotAsked } from '../explore/ask.js';
import { propertyOf } from '../explore/subject.js';
import { baseKernel, findSeries, kernelByName, pin, seriesIds, seriesKernel } from '../series/registry.js';
import type { Kernel } from '../vmlinux/bind.js';
import { seriesOf, type Warned } from './check-subject.js';
import { looksLikeFile } from './files.js';

export interface FuzzSpec {
  /** a series, a file, or a kernel */
  target: string;
  cwd: string;
  /** claims and properties; all when empty */
  only: readonly string[];
}

export interface FuzzSubject {
  own: Kernel;
  /** null for a kernel by itself */
  base: Kernel | null;
  brought: readonly string[];
  title: string;
  /** the file, where the target is one: as given */
  patch?: string;
  properties: Property[];
  /** what is recorded of a property on the kernel, or undefined */
  recordedOf(property: string): RecordedVerdict | undefined;
}

/** `fault:pick.1`: the planted fault of a standing property, as a kernel. */
const FAULT = 'fault:';

/** Every standing property whose planted fault can be put into the pin, as targets. */
export function plantedFaults(): string[] {
  return [...families, structure]
    .flatMap(({ properties }) => properties)
    .filter((p) => isAsked(pin, p) && Object.keys(p.fault.funcs).every((name) => name in pin.table))
    .map(({ id }) => `${FAULT}${id}`);
}

function faulty(target: string): FuzzSubject {
  const id = target.slice(FAULT.length);
  const property = propertyOf([...families, structure], id);
  if (property === undefined) reject('command line', 'unknown', 'TARGET', 'a standing property', shown(id));
  const { says, funcs } = property.fault;
  const series = { id: `fault-${id}`, title: says, base: pin.name, patches: [{ subject: says, funcs }] };
  return subject(seriesKernel(series), pin, [], Object.keys(funcs), says, []);
}

/** Throws BadInput for what is unknown. */
export async function fuzzSubject(spec: FuzzSpec, typed = true, warned?: Warned): Promise<FuzzSubject> {
  const { target, cwd, only } = spec;
  if (target.startsWith(FAULT)) return faulty(target);
  const isFile = looksLikeFile(target);
  if (!isFile && (target === pin.name || target.includes('+') || findSeries(target)?.release === true))
    return subject(kernelByName(target), null, [], [], target, only);
  if (!isFile && findSeries(target) === null)
    reject(
      'command line',
      'unknown',
      'TARGET',
      oneOf('a series, a .ts file or a kernel', target, seriesIds()),
      shown(target),
    );
  const { series, claims } = await seriesOf(target, cwd, typed, warned);
  const brought = series.patches.flatMap(({ funcs = {}, adds = {} }) => [...Object.keys(funcs), ...Object.keys(adds)]);
  const base = baseKernel(series);
  const made = subject(seriesKernel(series), base, claims, brought, series.title, only);
  return { ...made, ...defined({ patch: isFile ? target : undefined }) };
}

function subject(
  own: Kernel,
  base: Kernel | null,
  claims: readonly Claim[],
  brought: readonly string[],
  title: string,
  only: readonly string[],
): FuzzSubject {
  const standing = familiesOf(own.arch);
  const alone = own.arch === undefined ? [structure, driversClaim(own)] : [];
  const all = [...claims, ...standing, ...alone];
  const ids = all.flatMap((claim) => [claim.id, ...claim.properties.map((p) => p.id)]);
  for (const id of only)
    if (!ids.includes(id)) reject('command line', 'usage', '--only', oneOf('a claim or property', id, ids), shown(id));
  const properties = all.flatMap((claim) =>
    claim.properties.filter(
      (p) =>
        (only.length === 0 || only.includes(claim.id) || only.includes(p.id)) &&
        // whether something can be reached is nothing that a run can break
        p.word !== 'sometimes' &&
        isAsked(own, p),
    ),
  );
  return { own, base, brought, title, properties, recordedOf: (id) => recorded[id]?.[own.name] };
}

/** Programs decide in its world, so its runs are long. */
export const isLong = ({ given }: Property): boolean =>
  given.apics === undefined && Object.values(given.weights).every((weight) => weight === 0);

function isAsked(kernel: Kernel, property: Property): boolean {
  const { int64: _, ...rest } = property;
  return whyNotAsked(kernel, rest) === null;
}
