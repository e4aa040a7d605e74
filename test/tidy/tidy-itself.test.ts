// SPDX-License-Identifier: GPL-2.0-only
/** Tidy sees what it is there to see. */
import { describe, expect, it } from 'vitest';
import { deadExports } from './dead-exports.js';
import { FLOORS, floorFaults, floorsDot, floorsTable, PACKAGES } from './floors.js';
import { compareConstants } from './kernel-constants.js';
import { bannedFaults, constantFaults, lengthFaults, licenceFaults, pieceFaults, tagFaults, tagIn } from './manners.js';
import { importsOf, parse } from './source-file.js';
import { deadFiles, definesFunction, importCircles, read } from './tree.js';

const at = (path: string, text: string) => parse(path, text);

describe('floors', () => {
  it.each([
    ['src/sched/fair.ts', "import { x } from '../kvm/kvm_main.js';", 'sched may not import values from kvm'],
    ['src/sched/fair.ts', "export * from '../machine/apply.js';", 'sched may not import values from machine'],
    ['src/guest/actor.ts', "import '../machine/apply.js';", 'guest may not import values from machine'],
    [
      'src/machine/apply.ts',
      "const x = await import('../report/json.js');",
      'machine may not import values from report',
    ],
    ['src/report/json.ts', "import type { Io } from '../cli/io.js';", 'report may not import types from cli'],
    ['src/report/json.ts', "let x: import('../cli/io.js').Io;", 'report may not import types from cli'],
    ['src/lib/bug.ts', "import { readFileSync } from 'node:fs';", 'lib may not import node:fs'],
    ['properties/a.ts', "import fs from 'node:fs';", 'properties may not import node:fs'],
    ['src/sched/fair.ts', "import { produce } from 'immer';", 'sched may not import immer'],
    ['src/cli/list.ts', "import x from 'left-pad';", 'the package left-pad has no row'],
    ['src/cli/list.ts', "import x from '../../test/x.js';", 'cli imports a test'],
    ['src/attic/x.ts', '', 'the room attic has no row'],
    ['src/kvm/kvm_main.ts', "import type { kvm } from '../arch/x86/kvm_host.js';", 'kvm is for every architecture'],
    ['src/sched/core.ts', "import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';", 'sched is for every'],
  ])('%s: %s', (path, text, expected) => {
    expect(floorFaults(at(path, text)).join()).toContain(expected);
  });

  it.each([
    ['src/sched/fair.ts', "import type { kvm_vcpu } from '../kvm/kvm_host.js';"],
    ['src/sched/fair.ts', "import { type kvm_vcpu } from '../kvm/kvm_main.js';"],
    ['src/arch/x86/x86.ts', "import { KVM_REQUEST_WAIT } from '../../kvm/kvm_host.js';"],
    ['src/machine/reduce.ts', "import { produce } from 'immer';"],
    ['test/a.test.ts', "import { x } from '../src/cli/main.js';"],
  ])('let pass %s: %s', (path, text) => {
    expect(floorFaults(at(path, text))).toEqual([]);
  });

  it('form no circle', () => {
    const above = (room: string, seen: string[]): boolean =>
      !seen.includes(room) && FLOORS[room].every((below) => above(below, [...seen, room]));
    for (const room of Object.keys(FLOORS)) expect(above(room, []), room).toBe(true);
  });

  it('name rooms that there are, and draw as a graph', () => {
    const rooms = Object.keys(FLOORS);
    for (const to of [...Object.values(FLOORS), ...Object.values(PACKAGES)].flat()) expect(rooms).toContain(to);
    expect(floorsDot()).toContain('  series -> sched;');
  });

  it('stand in docs/architecture.md as they are', () => {
    const [, table] = /\n## Floors\n\n((?:\|.*\n)+)/.exec(read('docs/architecture.md')) ?? [];
    expect(table?.trimEnd()).toBe(floorsTable());
  });
});

describe('imports', () => {
  it('are found in every form', () => {
    const text = [
      "import a from './a.js';",
      "import type { b } from './b.js';",
      "import { type c, type d } from './c.js';",
      "import { type e, f } from './e.js';",
      "export * from './f.js';",
      "new Worker(new URL('./g.js', import.meta.url));",
      "type H = typeof import('./h.js');",
    ].join('\n');
    expect(importsOf(at('src/cli/x.ts', text)).map((i) => `${i.specifier}${i.typeOnly ? ' type' : ''}`)).toEqual([
      './a.js',
      './b.js type',
      './c.js type',
      './e.js',
      './f.js',
      './g.js',
      './h.js type',
    ]);
  });
});

describe('manners', () => {
  it('want a licence', () => {
    expect(licenceFaults('a.ts', '// hello\n')).toEqual(['a.ts:1: no SPDX line']);
    expect(licenceFaults('a.sh', '#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-only\n')).toEqual([]);
  });

  it.each([
    ['const t = Date.now();', 'Date: use m.sched_clock'],
    ['const r = Math.random();', 'Math.random'],
    ['process.exit(1);', 'process: use'],
    ["console.log('x');", 'console: use'],
    ['setTimeout(f, 1);', 'setTimeout: use an hrtimer'],
    ['const now = performance.now;', 'performance: use'],
  ])('ban %s', (text, expected) => {
    expect(bannedFaults(at('src/sched/x.ts', text)).join()).toContain(expected);
    expect(bannedFaults(at('src/cli/x.ts', text))).toEqual([]);
  });

  it('leave names and comments alone', () => {
    const text = '// Date, process\nconst x = { process: 1 }; x.process; interface Y { Date: string }';
    expect(bannedFaults(at('src/sched/x.ts', text))).toEqual([]);
  });

  it('see the word for broken code', () => {
    expect(bannedFaults(at('src/cli/x.ts', `// FIX${'ME'} later`))).toHaveLength(1);
  });

  it('want tags on mirrored functions, with their own names', () => {
    const fn = (doc: string, name: string): string => `${doc}\nexport function ${name}(this: vmlinux): void {}\n`;
    const faults = (text: string): string => tagFaults(at('src/sched/fair.ts', text)).join();
    expect(faults(fn('', 'update_curr'))).toContain('update_curr: no tag');
    expect(faults(fn('/** kernel/sched/fair.c: other() */', 'update_curr'))).toContain('is tagged as other()');
    expect(faults(fn('/** kernel/sched/fair.c: update_curr() */', 'update_curr'))).toBe('');
    expect(faults(fn('/**\n * kernel/sched/fair.c: update_curr()\n * more\n */', 'update_curr'))).toBe('');
    expect(faults(fn('', 'whenBack'))).toBe('');
    expect(tagIn('/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */')).toEqual({
      kernelPath: 'virt/kvm/kvm_main.c',
      kernelName: 'kvm_vcpu_on_spin',
    });
  });

  it('see a constant of the kernel that is defined twice', () => {
    const one = at('src/lapic/apicdef.ts', 'export const APIC_EOI = 0xb0;');
    const again = at('src/races/world.ts', 'const APIC_EOI = 0xb0;\nconst SIZE_MAX = 2;');
    const own = at('src/cli/io.ts', 'const SIZE_MAX = 3;');
    expect(constantFaults([one, again, own])).toEqual([
      'APIC_EOI is defined in src/lapic/apicdef.ts:1 and src/races/world.ts:1',
    ]);
  });

  it('want the pieces of a split function named', () => {
    const split = (doc: string): string =>
      pieceFaults(at('src/kvm/x.ts', `${doc}\nexport function halt() {}\nexport function haltOut() {}\n`)).join();
    expect(split('/** virt/kvm/x.c: halt() */')).toContain('the comment of halt does not name haltOut()');
    expect(split('/** virt/kvm/x.c: halt(), split: haltOut() */')).toBe('');
  });

  it('measure functions and files', () => {
    const body = 'x();\n'.repeat(80);
    expect(lengthFaults(at('src/cli/x.ts', `function f() {\n${body}}\n`)).join()).toContain('f has 82 lines');
    expect(lengthFaults(at('src/sched/x.ts', `/** kernel/sched/x.c: f() */\nfunction f() {\n${body}}\n`))).toEqual([]);
    expect(lengthFaults(at('src/cli/x.ts', 'x();\n'.repeat(501))).join()).toContain('501 lines');
    expect(lengthFaults(at('src/sched/x.ts', 'x();\n'.repeat(501)))).toEqual([]);
  });
});

describe('dead files', () => {
  it('are those that no entry reaches', () => {
    const files = [
      at('src/cli/main.ts', "import './a.js'; import('../b/c.js');"),
      at('src/cli/a.ts', "import type { D } from './d.js';"),
      at('src/b/c.ts', ''),
      at('src/cli/d.ts', ''),
      at('src/cli/dead.ts', "import './main.js';"),
      at('src/b/tested.ts', ''),
      at('test/b.test.ts', "import '../src/b/tested.js';"),
    ];
    expect(deadFiles(files)).toEqual(['src/cli/dead.ts', 'src/b/tested.ts']);
  });
});

describe('dead exports', () => {
  it('are those that no product file mentions, tests aside', () => {
    const files = [
      at('src/machine/a.ts', 'export const used = 1; export function tested() {} export class None {} const own = 1;'),
      at('src/machine/b.ts', "import { used } from './a.js'; // None"),
      at('src/sched/c.ts', 'export const A_VALUE = 2; export const ours = 1; export function byName() {}'),
      at('src/sched/f.ts', '/** kernel/sched/f.c: cited() */ export function cited() {} export function other() {}'),
      at('src/lib/d.ts', 'export const ENOTHING = 1;'),
      at('src/cli/e.ts', "call('byName');"),
      at('test/a.test.ts', "import { tested } from 'a';"),
    ];
    expect(deadExports(files)).toEqual([
      'src/machine/a.ts: tested',
      'src/machine/a.ts: None',
      'src/sched/c.ts: ours',
      'src/sched/f.ts: other',
    ]);
  });
});

describe('the kernel tree', () => {
  it('defines functions, macros, static inlines and trace events', () => {
    const text = [
      'static __always_inline bool',
      'entity_eligible(struct cfs_rq *cfs_rq, struct sched_entity *se)',
      'static inline void foo(void)',
      '#define for_each_bar(x) x',
      'TRACE_EVENT(sched_pi_setprio,',
      '\treturn baz(x);',
    ].join('\n');
    for (const name of ['entity_eligible', 'foo', 'for_each_bar', 'trace_sched_pi_setprio'])
      expect(definesFunction(text, name), name).toBe(true);
    expect(definesFunction(text, 'baz')).toBe(false);
    expect(definesFunction(text, 'qux')).toBe(false);
  });
});

describe('constants', () => {
  const defines = new Map([
    ['A_ONE', ['0x10UL', '7']],
    ['A_TWO', ['(A_ONE | BIT(1))']],
    ['A_MINUS', ['(-1)']],
    ['A_CALL', ['sizeof(long)']],
  ]);
  const of = (name: string, text: string) => ({ path: 'a.ts', name, text });

  it('are those that the tree defines, in one of its headers', () => {
    const right = [of('A_ONE', '7'), of('A_TWO', '0x1_2'), of('A_MINUS', '0xffff_ffff')];
    expect(compareConstants(right, defines)).toEqual({ compared: 3, faults: [] });
    const [first] = compareConstants([of('A_TWO', 'A_ONE << 1'), of('A_ONE', '16')], defines).faults;
    expect(first).toBe("a.ts: A_TWO is 32, the kernel's 18");
  });

  it('are not compared where they are more than arithmetic, or nobody else has them', () => {
    expect(compareConstants([of('A_CALL', '8'), of('A_ONE', 'f()'), of('OUR_OWN', '1')], defines).compared).toBe(0);
  });
});

describe('import circles', () => {
  it('are those of values', () => {
    const files = [
      at('src/a.ts', "import './b.js';"),
      at('src/b.ts', "import { c } from './c.js';"),
      at('src/c.ts', "import type { a } from './a.js'; export * from './d.js';"),
      at('src/d.ts', "import './b.js'; const a = await import('./a.js');"),
    ];
    expect(importCircles(files)).toEqual(['src/b.ts -> src/c.ts -> src/d.ts -> src/b.ts']);
  });
});
