// SPDX-License-Identifier: GPL-2.0-only
/** The family about interrupts on the kernels that there are; what plants their faults is test/run/faults.test.ts. */
import { describe, expect, it } from 'vitest';
import { recorded } from '../../properties/claims.js';
import { interrupts } from '../../properties/lapic/index.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { kernelByName } from '../../src/series/registry.js';

const KERNELS = ['v6.12.117', 'v6.19-rc1', 'v6.19-rc1+semantics-aware-v2'];

describe.each(interrupts.properties.map((p) => [p.id, p] as const))('%s', (id, property) => {
  it.each(KERNELS)(`${property.says}: %s`, (name) => {
    const answer = ask(machineEngine, kernelByName(name), property, { ...ASK_DEFAULTS, unshrunk: true });
    expect(answer.verdict, answer.example?.message).toBe(recorded[id][name]);
    expect(answer.evidence.note).toBeUndefined();
  });
});
