// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which code of a series' own modules no run ever took: V8's block coverage, mapped back to the TypeScript lines.
 *
 * What is reported is code that is there: an `if` without `else` whose condition is always true leaves no trace.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originalOf, readSourceMap, type SourceMap } from '../base/source-map.js';
import type { Unreached } from '../report/check-report.js';

/** What one realm saw of one module: plain data, to be sent from a worker. */
export interface ModuleCoverage {
  /** absolute path of the module that ran */
  file: string;
  /** as V8 ran it */
  text: string;
  /** absolute path of its map; '' when it runs as it was written, line for line */
  map: string;
  /** functions by name: [start, end) in `text` */
  functions: { name: string; start: number; end: number }[];
  /** [start, end) of `text` that was never run, in order */
  gaps: [number, number][];
}

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

/** Watches this realm from `start` to `take`. Modules have to be loaded after `start` to be seen in full. */
export class Coverage {
  private readonly session = new Session();

  async start(): Promise<void> {
    this.session.connect();
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** What was seen so far of the modules that `wanted` says yes to (by absolute path); ends the watch. */
  async take(wanted: (file: string) => boolean): Promise<ModuleCoverage[]> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    await this.session.post('Profiler.stopPreciseCoverage');
    const maps = new Map<string, string>();
    this.session.on('Debugger.scriptParsed', ({ params }) => {
      maps.set(params.scriptId, params.sourceMapURL ?? '');
    });
    await this.session.post('Debugger.enable');
    const out: ModuleCoverage[] = [];
    for (const script of result) {
      const file = script.url.startsWith('file:') ? fileURLToPath(script.url) : script.url;
      if (!wanted(file)) continue;
      const { scriptSource } = await this.session.post('Debugger.getScriptSource', { scriptId: script.scriptId });
      out.push(moduleCoverage(file, scriptSource, maps.get(script.scriptId) ?? '', script.functions));
    }
    this.session.disconnect();
    return out;
  }
}

type FunctionCoverage = { functionName: string; ranges: Range[] };

function moduleCoverage(file: string, text: string, mapUrl: string, functions: FunctionCoverage[]): ModuleCoverage {
  const beside = mapUrl === '' || mapUrl.startsWith('data:') ? '' : resolve(dirname(file), mapUrl);
  return {
    file,
    text,
    map: beside !== '' && existsSync(beside) ? beside : '',
    functions: functions
      .filter((f) => f.functionName !== '')
      .map((f) => ({ name: f.functionName, start: f.ranges[0].startOffset, end: f.ranges[0].endOffset })),
    gaps: gapsOf(functions.flatMap((f) => f.ranges)),
  };
}

/** Text whose innermost range was never counted. Ranges nest. */
export function gapsOf(ranges: readonly Range[]): [number, number][] {
  const nested = [...ranges].sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const gaps: [number, number][] = [];
  const add = (start: number, end: number): void => {
    if (start >= end) return;
    const last = gaps[gaps.length - 1];
    if (last !== undefined && last[1] === start) last[1] = end;
    else gaps.push([start, end]);
  };
  const open: Range[] = [];
  let at = 0;
  const upTo = (offset: number): void => {
    while (open.length > 0 && open[open.length - 1].endOffset <= offset) {
      const top = open.pop() as Range;
      if (top.count === 0) add(at, top.endOffset);
      at = Math.max(at, top.endOffset);
    }
    const top = open[open.length - 1];
    if (top !== undefined && top.count === 0) add(at, offset);
    at = Math.max(at, offset);
  };
  for (const range of nested) {
    upTo(range.startOffset);
    open.push(range);
  }
  upTo(Number.POSITIVE_INFINITY);
  return gaps;
}

/** What no realm ran: text that is a gap in every one of them. */
export function mergedCoverage(realms: readonly ModuleCoverage[][]): ModuleCoverage[] {
  const byFile = new Map<string, ModuleCoverage>();
  for (const module of realms.flat()) {
    const known = byFile.get(module.file);
    byFile.set(module.file, known === undefined ? module : { ...known, gaps: both(known.gaps, module.gaps) });
  }
  return [...byFile.values()];
}

function both(a: readonly [number, number][], b: readonly [number, number][]): [number, number][] {
  const out: [number, number][] = [];
  for (const [s, e] of a) {
    for (const [t, f] of b) if (Math.max(s, t) < Math.min(e, f)) out.push([Math.max(s, t), Math.min(e, f)]);
  }
  return out;
}

/** The gaps as lines of the source, in its order. `shown` turns an absolute path into what is printed. */
export function unreachedIn(modules: readonly ModuleCoverage[], shown: (file: string) => string): Unreached[] {
  return modules.flatMap((module) => {
    const map = module.map === '' ? null : readSourceMap(readFileSync(module.map, 'utf8'));
    const sources = new Map<string, string[]>();
    const out: Unreached[] = [];
    for (const [start, end] of module.gaps) {
      const at = firstCode(module.text, start, end);
      const owner = ownerOf(module, at);
      if (at < 0 || owner === null) continue;
      const place = placeOf(module, map, at);
      const known = sources.get(place.file) ?? linesOf(place.file, module.text);
      sources.set(place.file, known);
      const text = (known[place.line] ?? '').trim();
      const last = out[out.length - 1];
      if (last?.line === place.line + 1 && last.function === owner) continue;
      out.push({ function: owner, file: shown(place.file), line: place.line + 1, text });
    }
    return out.sort((a, b) => a.line - b.line);
  });
}

/** The first character of a gap that is code rather than punctuation between blocks; -1 when there is none. */
function firstCode(text: string, start: number, end: number): number {
  const inside = text.slice(start, end);
  const blank = /^(?:[\s{}();,]|\/\/[^\n]*|\/\*[\s\S]*?\*\/|else\b)*/.exec(inside)?.[0].length ?? 0;
  return blank >= inside.length ? -1 : start + blank;
}

/** The innermost named function around an offset; null outside all: the module's own statements. */
function ownerOf(module: ModuleCoverage, at: number): string | null {
  let best: ModuleCoverage['functions'][number] | null = null;
  for (const f of module.functions) {
    if (f.start > at || f.end <= at) continue;
    if (best === null || f.end - f.start <= best.end - best.start) best = f;
  }
  return best?.name ?? null;
}

function placeOf(module: ModuleCoverage, map: SourceMap | null, at: number): { file: string; line: number } {
  const before = module.text.slice(0, at);
  const line = before.split('\n').length - 1;
  if (map === null) return { file: module.file, line };
  const original = originalOf(map, line, at - (before.lastIndexOf('\n') + 1));
  if (original === null) return { file: module.file, line };
  return { file: resolve(dirname(module.map), original.source), line: original.line };
}

/** The source's lines; those that ran when it is not there. */
function linesOf(file: string, ran: string): string[] {
  return (existsSync(file) ? readFileSync(file, 'utf8') : ran).split('\n');
}
