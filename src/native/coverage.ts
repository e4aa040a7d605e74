// SPDX-License-Identifier: GPL-2.0-only
/** Lines of the kernel's files and how often they were executed, from gcov. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, normalize } from 'node:path';

/** Counts by file (`kernel/sched/fair.c`) and line, and by file and function. */
export interface LineCoverage {
  readonly lines: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly functions: ReadonlyMap<string, ReadonlyMap<string, FunctionCoverage>>;
}

export interface FunctionCoverage {
  readonly calls: number;
  /** first and last line */
  readonly from: number;
  readonly to: number;
}

interface GcovFile {
  readonly file: string;
  readonly lines: readonly { line_number: number; count: number }[];
  readonly functions: readonly { name: string; execution_count: number; start_line: number; end_line: number }[];
}

/** Reads the counters in `dir` (.gcda beside .gcno); only files of a tree are kept, by their paths in it. */
export function readCoverage(dir: string, trees: readonly string[]): LineCoverage {
  const lines = new Map<string, Map<number, number>>();
  const functions = new Map<string, Map<string, FunctionCoverage>>();
  const data = readdirSync(dir).filter((name) => name.endsWith('.gcda'));
  if (data.length === 0) return { lines, functions };
  const output = execFileSync('gcov', ['-t', '-j', ...data], {
    cwd: dir,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for (const json of output.split('\n').filter((line) => line.startsWith('{'))) {
    for (const file of (JSON.parse(json) as { files: GcovFile[] }).files) {
      const path = normalize(file.file.startsWith('/') ? file.file : join(trees[0]!, file.file));
      const tree = trees.find((root) => path.startsWith(`${root}/`));
      if (tree === undefined) continue;
      const name = path.slice(tree.length + 1);
      const counts = lines.get(name) ?? new Map<number, number>();
      for (const line of file.lines) counts.set(line.line_number, (counts.get(line.line_number) ?? 0) + line.count);
      lines.set(name, counts);
      const known = functions.get(name) ?? new Map<string, FunctionCoverage>();
      for (const f of file.functions) {
        const calls = (known.get(f.name)?.calls ?? 0) + f.execution_count;
        known.set(f.name, { calls, from: f.start_line, to: f.end_line });
      }
      functions.set(name, known);
    }
  }
  return { lines, functions };
}

/** The counts of several runs, added up. */
export function addCoverage(runs: readonly LineCoverage[]): LineCoverage {
  const lines = new Map<string, Map<number, number>>();
  const functions = new Map<string, Map<string, FunctionCoverage>>();
  for (const run of runs) {
    for (const [file, counts] of run.lines) {
      const sum = lines.get(file) ?? new Map<number, number>();
      for (const [line, count] of counts) sum.set(line, (sum.get(line) ?? 0) + count);
      lines.set(file, sum);
    }
    for (const [file, counts] of run.functions) {
      const sum = functions.get(file) ?? new Map<string, FunctionCoverage>();
      for (const [name, f] of counts) sum.set(name, { ...f, calls: f.calls + (sum.get(name)?.calls ?? 0) });
      functions.set(file, sum);
    }
  }
  return { lines, functions };
}
