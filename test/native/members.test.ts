// SPDX-License-Identifier: GPL-2.0-only
/** State that is read and written: variables, those of each CPU, and the integers in structures. */
import { expect, it } from 'vitest';
import { memberFields } from '../../src/native/extract/members.js';
import type { Slice } from '../../src/native/extract/slice.js';

it('takes in variables, structures of each CPU and what is in them', () => {
  const variableList = [
    { name: 'grow', text: 'unsigned int grow;' },
    { name: 'seen', text: 'bool seen__per_cpu[4];\n#define seen seen__per_cpu[extract_cpu]' },
    { name: 'data', text: 'struct data data__per_cpu[4];\n#define data data__per_cpu[extract_cpu]' },
    { name: 'caps', text: 'struct data caps;' },
    { name: 'ops', text: 'struct ops *ops;' },
  ];
  const members = new Map([['struct data', [{ type: 'u64', declarator: 'generation', path: 'generation' }]]]);
  const fields = memberFields({ variableList, members } as unknown as Slice, [], 'x86');
  const shown = fields.map(({ name, lvalue }) => `${name}: ${lvalue}`);
  const each = (text: (cpu: number) => string) => [0, 1, 2, 3].map(text);
  expect(shown).toEqual([
    'grow: grow',
    ...each((cpu) => `seen[${cpu}]: seen__per_cpu[${cpu}]`),
    ...each((cpu) => `data[${cpu}].generation: data__per_cpu[${cpu}].generation`),
    'caps.generation: caps.generation',
  ]);
});
