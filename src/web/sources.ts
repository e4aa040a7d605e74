// SPDX-License-Identifier: GPL-2.0-only
/** The text of mirrored functions, as the page carries it, and where their lines stand in the page's own code. */
import type { SourcePlace, Sources } from '../step/source.js';

/** What the bundler put beside the code (tools/page.mjs). */
export interface Carried {
  files: readonly string[];
  texts: Readonly<Record<string, string>>;
  /** by line of the code: (column, file, line) for each stretch, columns from 0 and lines from 1 */
  places: readonly (readonly number[])[];
}

export function carriedSources({ files, texts, places }: Carried): Sources {
  const lines = new Map<string, readonly string[]>();
  return {
    placeOf(at: string): SourcePlace | null {
      const match = /:(\d+):(\d+)$/.exec(at);
      if (match === null) return null;
      const row = places[Number(match[1]) - 1] ?? [];
      const column = Number(match[2]) - 1;
      let found: SourcePlace | null = null;
      for (let i = 0; i < row.length && (found === null || row[i] <= column); i += 3)
        found = { shown: files[row[i + 1]], line: row[i + 2] };
      return found;
    },
    linesOf(shown) {
      if (texts[shown] === undefined) return null;
      const known = lines.get(shown) ?? texts[shown].split('\n');
      lines.set(shown, known);
      return known;
    },
  };
}

/** `kernel/sched/fair.c` of a mirrored function, from its comment; '' where no comment says it. */
export function kernelPathOf(carried: Carried, fn: string): string {
  const known = paths.get(carried) ?? pathsIn(carried);
  paths.set(carried, known);
  return known.get(fn) ?? '';
}

const paths = new WeakMap<Carried, Map<string, string>>();

function pathsIn({ texts }: Carried): Map<string, string> {
  const found = new Map<string, string>();
  for (const text of Object.values(texts))
    for (const [, path, name] of text.matchAll(/^\/\*\*\s*(?:\*\s*)?([\w./-]+\.[chS]): (\w+)(?:\(\))?/gm))
      if (!found.has(name)) found.set(name, path);
  return found;
}
