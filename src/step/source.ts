// SPDX-License-Identifier: GPL-2.0-only
/** The text of mirrored functions, at a place that the engine named. Where it is kept, whoever steps knows: files, or a page. */

export interface SourcePlace {
  /** `src/sched/fair.ts` */
  shown: string;
  /** from 1 */
  line: number;
}

export interface Sources {
  /** `file:///.../dist/src/sched/fair.js:512:9` -> line 690 of src/sched/fair.ts; null for what is no place */
  placeOf(at: string): SourcePlace | null;
  /** the lines of a file; null when it is not at hand */
  linesOf(shown: string): readonly string[] | null;
}

/** Lines around a place, the place marked: `> 512  if (!curr) return;`. */
export function sourceLines(sources: Sources, { shown, line }: SourcePlace, before: number, after: number): string[] {
  const text = sources.linesOf(shown);
  if (text === null) return [];
  const [from, to] = [Math.max(1, line - before), Math.min(text.length, line + after)];
  const width = String(to).length;
  return text
    .slice(from - 1, to)
    .map((it, i) => `${from + i === line ? '>' : ' '} ${String(from + i).padStart(width)}  ${it}`.trimEnd());
}
