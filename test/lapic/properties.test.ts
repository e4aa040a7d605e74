// SPDX-License-Identifier: GPL-2.0-only
/** The family about interrupts on the kernels that there are; what plants their faults is test/explore/faults.test.ts. */
import { describe, expect, it } from 'vitest';
import { recorded } from '../../properties/claims.js';
import { interrupts } from '../../properties/lapic/index.js';
import { ASK_DEFAULTS, type AskOptions, ask } from '../../src/explore/ask.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { kernelByName } from '../../src/series/registry.js';

// what is recorded of the other two is asked in full by a check of the series
const KERNELS: [name: string, options: AskOptions][] = [
  ['v6.12.117', { ...ASK_DEFAULTS, unshrunk: true }],
  ['v6.19-rc1', { ...ASK_DEFAULTS, runs: 50, events: 6_000, unshrunk: true }],
  ['v6.19-rc1+semantics-aware-v2', { ...ASK_DEFAULTS, runs: 50, events: 6_000, unshrunk: true }],
];

// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee([interrupts]);

describe.each(interrupts.properties.map((p) => [p.id, p] as const))('%s', (id, property) => {
  it.each(KERNELS)(`${property.says}: %s`, (name, options) => {
    const answer = ask(machineEngine, kernelByName(name), property, options);
    expect(answer.verdict, answer.example?.message).toBe(recorded[id][name]);
    expect(answer.evidence.note).toBeUndefined();
  });
});
