// SPDX-License-Identifier: GPL-2.0-only
import { expect, it } from 'vitest';
import { explain } from '../../src/cli/exit.js';
import type { Io } from '../../src/cli/io.js';

it.each([
  ['ENOSPC', 'unix', 2],
  ['EROFS', 'unix', 2],
  ['EDQUOT', 'bisect', 125],
] as const)('a disk that refuses with %s is a sentence, in the style %s the exit code %i', (code, style, exit) => {
  let said = '';
  const io = { err: (text: string) => (said += text), cwd: '/', env: {} } as unknown as Io;
  expect(explain(Object.assign(new Error('write'), { code, path: '/t/x' }), io, style)).toBe(exit);
  expect(said).toMatch(
    /^kvmodel: \/t\/x cannot be written \(E\w+: [^)]+\); TMPDIR and XDG_CACHE_HOME name other places\n$/,
  );
});
