// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { LOOP_GUARD } from '../../src/loader/loop-guard.js';
import { guardLoops, inspectUserCode, SLEEPERS } from '../../src/loader/user-code.js';
import { kernelByName, pin } from '../../src/series/registry.js';

const inspected = (source: string) => inspectUserCode(source, '/x/p.ts', 'p.ts');

describe('chance and clocks', () => {
  it.each([
    ['const x = Math.random();', 'p.ts:1:11', 'Math.random'],
    ["const x = Math['random']();", 'p.ts:1:11', 'Math.random'],
    ['const { random } = Math;', 'p.ts:1:7', 'Math.random'],
    ['const t = Date.now();', 'p.ts:1:11', 'Date'],
    ['function f() {\n  return new Date();\n}', 'p.ts:2:14', 'Date'],
    ['const t = performance.now();', 'p.ts:1:11', 'performance'],
  ])('%s is refused', (source, place, got) => {
    expect(inspected(source).faults).toEqual([{ code: 'chance', place, expected: expect.any(String), got }]);
  });

  it('are not mistaken for members of that name, types, or other arithmetic', () => {
    const source = 'const a = Math.max(1, m.Date); type T = Date; const o = { Date: 1 };';
    expect(inspected(source).faults).toEqual([]);
  });
});

describe('state of the module', () => {
  it.each([
    'let last = 0;',
    'var last = 0;',
    'const seen = new Map<number, number>();',
    'const seen: number[] = [];',
    'export const seen = {};',
  ])('%s is warned of', (source) => {
    expect(inspected(source).warnings[0]).toMatch(/^p\.ts:1:\d+: (last|seen) keeps its value from run to run/);
  });

  it.each(['const LIMIT = 3;', 'const menu = [1, 2];', 'function f() { let n = 0; return n; }'])(
    '%s is not',
    (source) => {
      expect(inspected(source).warnings).toEqual([]);
    },
  );
});

describe('code behind a call that may sleep', () => {
  const fn = (body: string): string => `function f(this: vmlinux_x86, v: kvm_vcpu): number {\n${body}\n}`;

  it.each([
    'this.kvm_vcpu_yield_to(v);\nv.ready = 0;\nreturn 1;',
    'if (this.kvm_vcpu_yield_to(v) > 0) { v.ready = 1; }\nreturn this.other(v);',
    'for (const x of vs) { if (this.yield_to(x, true)) n++; }',
    'const r = this.schedule();\nreturn r + this.m.cpu;',
  ])('%s is warned of', (body) => {
    expect(inspected(fn(body)).warnings.join()).toMatch(/this\.\w+\(\) may return while its task sleeps/);
  });

  it.each([
    'return this.kvm_vcpu_yield_to(v);',
    'this.schedule();\nreturn 1;',
    'this.schedule();\nthis.whenBack(p, "rest");\nreturn 1;',
    'if (this.notReturned(p)) return 1;\nthis.kvm_vcpu_halt(v);\nv.ready = 0;\nreturn 1;',
    'v.ready = 0;\nthis.kvm_vcpu_halt(v);',
  ])('%s is not', (body) => {
    expect(inspected(fn(body)).warnings).toEqual([]);
  });

  it('knows functions that there are', () => {
    const all = new Set([...Object.keys(pin.table), ...Object.keys(kernelByName('v6.19').table)]);
    expect(SLEEPERS.filter((name) => !all.has(name))).toEqual([]);
  });
});

describe('a guarded loop', () => {
  const run = (source: string): { value: unknown; turns: string[] } => {
    const turns: string[] = [];
    const code = guardLoops(source, 'p.js', 'p.js');
    expect(code.split('\n').length).toBe(source.split('\n').length);
    const value = new Function(LOOP_GUARD, code)((turn: number, where: string) => {
      turns.push(`${turn} ${where}`);
      if (turn > 9) throw new Error(where);
    });
    return { value, turns };
  };

  it.each([
    ['let n = 0; for (let i = 0; i < 3; i++) n += i; return n;', 3, 3],
    ['let n = 0; while (n < 5) { n++; }\nreturn n;', 5, 5],
    ['let n = 0; do n++; while (n < 4); return n;', 4, 4],
    ['let n = 0; out: for (;;) { for (const x of [1, 2, 3]) { n += x; if (n > 7) break out; } } return n;', 9, 7],
    ['let n = 0; if (n === 0) for (const k in { a: 1, b: 2 }) while (n < 2) n++; else n = 9; return n;', 2, 4],
  ])('%s does what it did', (source, value, turns) => {
    const got = run(source);
    expect([got.value, got.turns.length]).toEqual([value, turns]);
  });

  it('ends when it does not end by itself, and says where', () => {
    expect(() => run('function spin() {\n  for (;;) {}\n}\nspin();')).toThrow('spin() at p.js:2:3');
  });
});
