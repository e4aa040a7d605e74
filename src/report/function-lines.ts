// SPDX-License-Identifier: GPL-2.0-only
/** Mirrored functions line by line: what ran. */
import { wrap } from '../base/text.js';
import type { Site } from '../fuzz/branch-counts.js';

export interface FunctionLines {
  name: string;
  from: number;
  to: number;
  sites: { site: Site; hit: boolean }[];
}

/** Functions of a file, in its order, with their branches and whether each ran. */
export function functionsIn(file: string, sites: readonly Site[], known: ReadonlySet<string>): FunctionLines[] {
  const out = new Map<string, FunctionLines>();
  sites.forEach((site, i) => {
    if (site.fn === '') return;
    const f = out.get(site.fn) ?? { name: site.fn, from: site.from, to: site.to, sites: [] };
    f.from = Math.min(f.from, site.from);
    f.to = Math.max(f.to, site.to);
    f.sites.push({ site, hit: known.has(`${file}:${i}`) });
    out.set(site.fn, f);
  });
  return [...out.values()].sort((a, b) => a.from - b.from);
}

/** y: ran; n: never; p: ran, and a branch that stands in this line never did. */
export function lineClass(f: FunctionLines, line: number): 'y' | 'n' | 'p' {
  const around = f.sites
    .filter(({ site }) => site.kind !== 'else' && (site.from < line || site.kind === 'function') && line <= site.to)
    .sort((a, b) => a.site.to - a.site.from - (b.site.to - b.site.from));
  if (around.length > 0 && !around[0].hit) return 'n';
  const here = f.sites.filter(({ site }) => site.from === line && site.kind !== 'function');
  return here.some(({ hit }) => !hit) ? 'p' : 'y';
}

const SIGN = { y: '+', n: '-', p: '~' } as const;

/** A function as text: `+` ran, `-` never did, `~` ran and a branch that begins there never did. Empty where there is none. */
export function functionText(
  name: string,
  files: readonly { file: string; sites: readonly Site[] }[],
  known: ReadonlySet<string>,
  sourceOf: (file: string) => readonly string[],
): string[] {
  const all = files.map(({ file, sites }) => ({
    file,
    named: functionsIn(file, sites, known).filter((f) => f.name === name),
  }));
  const isHit = ({ named }: (typeof all)[number]): boolean => named.some((f) => f.sites.some((it) => it.hit));
  // other releases and series have functions of the same name, which this kernel is not made of
  const ran = all.some(isHit) ? all.filter(isHit) : all;
  return ran.flatMap(({ file, named }) =>
    named.flatMap((f) => {
      const hit = f.sites.filter((it) => it.hit).length;
      const source = sourceOf(file);
      const lines = [...wrap(`${file}: ${name}(), ${hit} of ${f.sites.length} branches`, 80, '  ')];
      for (let line = f.from; line <= f.to; line++)
        lines.push(`${SIGN[lineClass(f, line)]} ${String(line).padStart(4)}  ${source[line - 1] ?? ''}`.trimEnd());
      return [...lines, ''];
    }),
  );
}
