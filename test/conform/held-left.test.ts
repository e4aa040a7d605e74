// SPDX-License-Identifier: GPL-2.0-only
/** Why a function is not called alone, in words of the kernel. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { whyNotCut } from '../../src/conform/patch/held-pair.js';
import { NativeError } from '../../src/native/native-error.js';

const dir = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it.each([
  ['\tlist_for_each_entry(irq, &list, node) {', 'it loops by list_for_each_entry(), which is not cut out with it'],
  ['\tfoo(irq) {', "a.c:2: expected ';' before '{' token"],
  ['\tif (irq) {', "a.c:2: expected ';' before '{' token"],
])('a function that has %j', (line, why) => {
  writeFileSync(join(dir, 'a.c'), `{\n${line}\n}\n`);
  const error = new NativeError('compile', 'a.c does not compile', ["a.c:2: expected ';' before '{' token"]);
  expect(whyNotCut(error, [{ dir }])).toBe(why);
});
