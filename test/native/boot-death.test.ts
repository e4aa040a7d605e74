// SPDX-License-Identifier: GPL-2.0-only
/** A kernel that ends before its first operation says how, whether it is asked before or after. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Child } from '../../src/native/child.js';
import { BootDeath } from '../../src/native/engine-process.js';
import { NativeError } from '../../src/native/native-error.js';

const dir = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ending = {
  kind: 'trap',
  op: 0,
  at: '',
  what: 'sched_init_foo',
  stack: ['sched_init kernel/sched/core.c:8461'],
} as const;

describe.skipIf(process.platform !== 'linux')('a process that ends before it is asked', () => {
  it.each([0, 400])('is told of by its last words, asked after %i ms', async (ms) => {
    const frame = Buffer.from(JSON.stringify(ending));
    const header = Buffer.alloc(8);
    header.writeUInt32LE(frame.length, 0);
    header.writeUInt32LE('E'.charCodeAt(0), 4);
    writeFileSync(join(dir, 'words'), Buffer.concat([header, frame]));
    const child = new Child('/bin/cat', [join(dir, 'words')]);
    await new Promise((done) => setTimeout(done, ms));
    let error: unknown = null;
    try {
      child.ask('S', new Uint8Array());
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(NativeError);
    expect((error as NativeError).message).toContain('it calls sched_init_foo(), which is not provided');
    expect(child.end?.kind).toBe('E');
  });
});

it('a death at boot names the kernel, and what it calls or dies of', () => {
  const trap = new BootDeath('6.12.117+1 (C, O2)', '/tree', ending);
  expect(trap.message).toBe('6.12.117+1 (C, O2) does not boot: it calls sched_init_foo(), which is not provided here');
  expect(trap).toMatchObject({ code: 'boot', tree: '/tree', details: ending.stack });
  const oops = new BootDeath('x', '/tree', { ...ending, kind: 'oops', what: 'NULL pointer dereference' });
  expect(oops.message).toBe('x does not boot: oops: NULL pointer dereference');
});
