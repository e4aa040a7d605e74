// SPDX-License-Identifier: GPL-2.0-only
/**
 * Malformed input of every kind that a command reads: refused with its place, or run; never called a mistake of ours.
 *
 * KVMODEL_GARBAGE=10000 tries so many of each kind, KVMODEL_GARBAGE_SEED another seed.
 */
import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Dice } from './garbage.js';
import { KINDS, type Kind } from './kinds.js';

const EACH = Number(process.env['KVMODEL_GARBAGE'] ?? 25);
const SEED = Number(process.env['KVMODEL_GARBAGE_SEED'] ?? 1);

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-garbage-'));
});

/** What is wrong with how one input ended; null when nothing is. */
async function outcome(kind: Kind, seed: number): Promise<string | null> {
  const { input, run } = kind.make(new Dice(seed), cwd);
  const log = process.env['KVMODEL_GARBAGE_LOG'];
  const start = Date.now();
  const end = (why: string): string => {
    if (log !== undefined) appendFileSync(log, `${JSON.stringify({ kind: kind.name, seed, why, input })}\n`);
    return `seed ${seed}: ${why}`;
  };
  if (log !== undefined) appendFileSync(`${log}.last`, `${kind.name} ${seed}\n`);
  try {
    const { code, out, err } = await run();
    if (log !== undefined && Date.now() - start > 5000) end(`took ${Date.now() - start} ms`);
    if (code === 3 && !/^kvmodel: .*not modelled|the model does not:/.test(err))
      return end(`exit 3: ${err.slice(0, 300)}`);
    if (/^ {4}at /m.test(err + out)) return end(`a stack: ${err.slice(0, 300)}`);
    if (code === 2 && err === '') return end('refused without a word');
    return null;
  } catch (e) {
    return end(`threw: ${e instanceof Error ? e.stack?.slice(0, 300) : String(e)}`);
  }
}

describe.each(KINDS)('a malformed $name', (kind) => {
  it(`is refused with its place, or runs: ${EACH} of them`, { timeout: 3_600_000 }, async () => {
    const wrong: string[] = [];
    for (let i = 0; i < EACH; i++) {
      const fault = await outcome(kind, (Math.imul(SEED, 0x9e37_79b1) + i * 7919 + 1) >>> 0 || 1);
      if (fault !== null) wrong.push(fault);
    }
    expect(wrong).toEqual([]);
  });
});
