// SPDX-License-Identifier: GPL-2.0-only
/** What a check is about: kernels and the claims asked of them. */

import type { Claim, Distributions, Property, Recorded } from '../../properties/vocabulary.js';
import { otherSettings } from '../series/knob-settings.js';
import { link } from '../series/link.js';
import type { Series } from '../series/series.js';
import type { Kernel } from '../vmlinux/bind.js';

export interface Subject {
  /** the series' id */
  series: string;
  title: string;
  /** a kernel without any series: what its machines' records have is the pin's */
  pin: Kernel;
  /** the base first, then prefixes, then what is compared with, then other settings of knobs, the series' own kernel last */
  kernels: Kernel[];
  /** the author's claims, the reviewers' objections, the families */
  claims: Claim[];
  /** functions that the series replaces or adds */
  brought?: readonly string[];
  recorded: Recorded;
  /** what it is measured by besides the measures of every series */
  distributions?: Distributions | null;
  /** whether the series' kernel does what the base does: asked beside the claims, and no claim itself */
  difference: Claim | null;
}

export interface SubjectParts {
  pin: Kernel;
  base: Kernel;
  series: Series;
  /** ask every prefix of the series as well */
  prefixes?: boolean;
  /** ask the series with its knobs set otherwise as well */
  settings?: boolean;
  /** kernels to compare with */
  against?: readonly Kernel[];
  claims: readonly Claim[];
  families: readonly Claim[];
  recorded?: Recorded;
  distributions?: Distributions | null;
  difference?(base: Kernel, whole: Kernel): Claim;
}

/** Links the kernels. Throws SeriesError with every fault of the series. */
export function subjectOf(parts: SubjectParts): Subject {
  const { pin, base, series, against = [] } = parts;
  const whole = link(base, series);
  const prefixes = parts.prefixes === true ? prefixesOf(base, series) : [];
  const settings = parts.settings === true ? otherSettings(base, whole) : [];
  return {
    series: series.id,
    title: series.title,
    pin,
    kernels: [base, ...prefixes, ...against, ...settings, whole],
    claims: [...parts.claims, ...parts.families],
    brought: series.patches.flatMap(({ funcs = {}, adds = {} }) => [...Object.keys(funcs), ...Object.keys(adds)]),
    recorded: parts.recorded ?? {},
    distributions: parts.distributions ?? null,
    difference: parts.difference?.(base, whole) ?? null,
  };
}

/** base + 1 patch, base + 2 ..., without the whole series. */
export function prefixesOf(base: Kernel, series: Series): Kernel[] {
  const out: Kernel[] = [];
  for (let n = 1; n < series.patches.length; n++) out.push(link(base, series, n));
  return out;
}

/** Everything that can be asked of the subject. */
export function questionsOf(subject: Subject): Claim[] {
  return subject.difference === null ? subject.claims : [...subject.claims, subject.difference];
}

/** Every id that `--only` understands: of claims and of properties. */
export function idsOf(subject: Subject): string[] {
  return questionsOf(subject).flatMap((claim) => [claim.id, ...claim.properties.map((p) => p.id)]);
}

/** The claims and properties named by `only`; all when it is empty. What nothing names is left out silently. */
export function selected(claims: readonly Claim[], only: readonly string[] = []): Claim[] {
  if (only.length === 0) return [...claims];
  return claims.flatMap((claim) => {
    if (only.includes(claim.id)) return [claim];
    const properties = claim.properties.filter((p) => only.includes(p.id));
    return properties.length === 0 ? [] : [{ ...claim, properties }];
  });
}

/** The property with this id, or undefined. */
export function propertyOf(claims: readonly Claim[], id: string): Property | undefined {
  for (const claim of claims) {
    const found = claim.properties.find((p) => p.id === id);
    if (found !== undefined) return found;
  }
  return undefined;
}
