// SPDX-License-Identifier: GPL-2.0-only
/** What is asked of the kernel's C code: it holds on the pin, and for each question a fault in C is planted that refutes it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownBugs } from '../../src/conform/scan/known-bugs.js';
import { schedulerSign } from '../../src/conform/scan/sequences.js';
import { askLaws, LAWS } from '../../src/conform/sched/ask-laws.js';
import { type CVerdict, cProperties } from '../../src/conform/sched/c-properties.js';
import { worlds } from '../../src/conform/sched/c-worlds.js';
import { ASKED_CPUS, questions } from '../../src/conform/sched/questions.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import { findTree } from '../../src/native/find-tree.js';
import { readSeries } from '../../src/native/mailbox.js';
import { applySeries } from '../../src/native/patch.js';
import { pin } from '../../src/series/registry.js';
import { because, missing } from '../native/tree.js';
import { activate, cFaults, FILES, plantIn } from './c-faults.js';

/** The pin's tree with every fault in it, none active. */
async function treeOfFaults(): Promise<string> {
  const base = await findTree();
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  try {
    const diffs = FILES.map((name) => {
      const file = `kernel/sched/${name}`;
      const text = readFileSync(join(base.dir, file), 'utf8');
      for (const side of ['a', 'b']) mkdirSync(join(scratch, side, 'kernel/sched'), { recursive: true });
      writeFileSync(join(scratch, 'a', file), text);
      writeFileSync(join(scratch, 'b', file), plantIn(name, text));
      return spawnSync('diff', ['-u', `a/${file}`, `b/${file}`], { cwd: scratch, encoding: 'utf8' }).stdout;
    });
    // The times in its head would make another tree of it every time.
    const diff = diffs.join('').replace(/^((?:---|\+\+\+) \S+)\t.*$/gm, '$1');
    const [patched] = await applySeries(base, readSeries(diff, 'faults.patch'));
    return patched!.tree.dir;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** An engine whose resets activate a fault. */
function withFault(engine: NativeEngine, n: number | null): NativeEngine {
  return new Proxy(engine, {
    get(target, key) {
      if (key === 'reset') {
        return () => {
          target.reset();
          target.run(activate(n), 'return');
        };
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe.skipIf(missing !== null)(`questions to the kernel's C code${because}`, { timeout: 600_000 }, () => {
  const engines: NativeEngine[] = [];
  beforeAll(async () => {
    const tree = await treeOfFaults();
    for (const cpus of ASKED_CPUS) engines.push(await openNativeEngine({ tree, cpus }));
  }, 600_000);
  afterAll(() => {
    for (const engine of engines) engine.close();
  });

  const ask = (n: number | null, id: string): CVerdict => {
    const planted = engines.map((engine) => withFault(engine, n));
    const world = [...cProperties, ...worlds].find((property) => property.id === id);
    if (world !== undefined) return world.ask(planted[0]!);
    let verdict: CVerdict = { verdict: 'vacuous', evidence: '' };
    // In pieces, because most faults show soon.
    for (let seed = 1; seed < 8 * 54 && verdict.verdict !== 'refuted'; seed += 9) {
      verdict = askLaws(planted, { operations: 1500, seed })[LAWS.findIndex((law) => law.id === id)]!;
    }
    return verdict;
  };

  it.each([...cProperties, ...worlds].map(({ id }) => id))('%s holds', (id) => {
    expect(ask(null, id)).toMatchObject({ verdict: 'holds' });
  });

  it('every law was asked often enough and holds, but for the least slices below a node', () => {
    const verdicts = askLaws(engines, { operations: 20_000, seed: 1 });
    const others = LAWS.flatMap(({ id }, i) => (verdicts[i]!.verdict === 'holds' ? [] : [[id, verdicts[i]]]));
    // min_vruntime_cb_rotate() copies min_vruntime alone.
    expect(others).toMatchObject([['least slice', { verdict: 'refuted' }]]);
  });

  it.each(cFaults.map(({ what, refutes }, n) => [what, refutes, n] as const))('%s: refutes %s', (_what, refutes, n) => {
    expect(ask(n, refutes)).toMatchObject({ verdict: 'refuted' });
  });

  it.each(cFaults.flatMap(({ what }, n) => (/^[0-9a-f]{12}$/.test(what) ? [[what, n] as const] : [])))(
    '%s is told by operations where it is taken back, and only there',
    async (commit, n) => {
      const bug = knownBugs(pin).find(({ id }) => id === `revert-${commit}`)!;
      const at = (fault: number | null) => ({
        scheduler: async (cpus: number) => withFault(engines[(ASKED_CPUS as readonly number[]).indexOf(cpus)]!, fault),
      });
      expect(await schedulerSign(bug, at(n))).toMatchObject({ like: 'buggy' });
      expect(await schedulerSign(bug, at(null))).toMatchObject({ like: 'fixed' });
    },
  );

  it('no question is without a fault that refutes it', () => {
    const refuted = new Set([...cFaults.map(({ refutes }) => refutes), 'least slice']);
    expect(questions.map(({ id }) => id).filter((id) => !refuted.has(id))).toEqual([]);
  });
});
