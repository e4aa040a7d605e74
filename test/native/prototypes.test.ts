// SPDX-License-Identifier: GPL-2.0-only
/** What functions of C take and return, read from their text. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { prototypes } from '../../src/native/prototypes.js';
import { scratchDir } from '../../src/native/scratch.js';

const tree = scratchDir();
afterAll(() => rmSync(tree, { recursive: true, force: true }));

it('tells widths, signs, truth values and pointers apart, in functions and tracepoints', () => {
  mkdirSync(join(tree, 'kernel/sched'), { recursive: true });
  const text = `
static __always_inline bool one(struct rq *rq, u64 wide, int (*fn)(int, long), unsigned int flags) { return true; }
EXPORT_SYMBOL_GPL(zero);
long two(void) { return 0; }
TRACE_EVENT(three, TP_PROTO(bool preempt, struct task_struct *p, unsigned long ns), TP_ARGS(preempt, p, ns));
`;
  writeFileSync(join(tree, 'kernel/sched/x.c'), text);
  const found = prototypes(tree, ['one', 'two', 'trace_three', 'four']);
  expect(found.get('one')).toEqual({ args: ['pointer', 'u64', 'pointer', 'u32'], result: 'bool' });
  expect(found.get('two')).toEqual({ args: [], result: 's64' });
  expect(found.get('trace_three')).toEqual({ args: ['bool', 'pointer', 'u64'], result: 'void' });
  expect(found.has('four')).toBe(false);
});
