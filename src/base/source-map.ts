// SPDX-License-Identifier: GPL-2.0-only
/** Reads a source map (version 3), as far as finding a line takes. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUE = new Map([...DIGITS].map((c, i) => [c, i]));

/** A segment: from this column on, the text comes from that line of that source; all from 0. */
interface Segment {
  column: number;
  source: number;
  line: number;
}

export interface SourceMap {
  sources: string[];
  lines: Segment[][];
}

/** Base64 VLQ: five bits a digit, the lowest is the sign, bit six says that more follows. */
export function numbers(text: string): number[] {
  const out: number[] = [];
  let value = 0;
  let shift = 0;
  for (const c of text) {
    const digit = VALUE.get(c) ?? 0;
    value += (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    out.push((value & 1) !== 0 ? -(value >>> 1) : value >>> 1);
    value = 0;
    shift = 0;
  }
  return out;
}

/** The map in a `.map` file's text. */
export function readSourceMap(json: string): SourceMap {
  const { sources, mappings } = JSON.parse(json) as { sources: string[]; mappings: string };
  let source = 0;
  let line = 0;
  const lines = mappings.split(';').map((row) => {
    let column = 0;
    const segments: Segment[] = [];
    for (const text of row === '' ? [] : row.split(',')) {
      const [dColumn, dSource, dLine] = numbers(text);
      column += dColumn;
      if (dSource === undefined) continue;
      source += dSource;
      line += dLine;
      segments.push({ column, source, line });
    }
    return segments;
  });
  return { sources, lines };
}

/** Where a place of the generated text comes from; lines and columns from 0. Null when nothing maps there. */
export function originalOf(map: SourceMap, line: number, column: number): { source: string; line: number } | null {
  let found: Segment | null = null;
  for (const segment of map.lines[line] ?? []) {
    if (segment.column > column && found !== null) break;
    found = segment;
    if (segment.column > column) break;
  }
  return found === null ? null : { source: map.sources[found.source], line: found.line };
}
