// SPDX-License-Identifier: GPL-2.0-only
/** Builds that come to the same code. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Build } from '../../src/native/kernel-program.js';
import { codeOf } from '../../src/native/object-code.js';
import { because, missing } from './tree.js';

describe.skipIf(missing !== null)(`the code of a build${because}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  function code(name: string, text: string, object = 'k_a.o'): Promise<string> {
    const dir = join(scratch, name);
    mkdirSync(dir);
    writeFileSync(join(dir, 'a.c'), text);
    expect(spawnSync('gcc', ['-O2', '-g1', '-c', '-o', object, 'a.c'], { cwd: dir }).status).toBe(0);
    return codeOf({ dir } as Build);
  }

  it('is the same when only notes for the debugger move, and another when code or data is', async () => {
    const text = 'int limit = 3;\nint f(int x) { return x + limit; }\n';
    const base = await code('base', text);
    expect(await code('shifted', `/* said */\n\n${text}`)).toBe(base);
    expect(await code('same', text.replace('x + limit', '(limit + x)'))).toBe(base);
    expect(await code('data', text.replace('3', '4'))).not.toBe(base);
    expect(await code('code', text.replace('x + limit', 'x - limit'))).not.toBe(base);
    expect(await code('another', text, 'k_b.o')).not.toBe(base);
  });
});
