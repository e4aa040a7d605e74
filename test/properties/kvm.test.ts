// SPDX-License-Identifier: GPL-2.0-only
/** The family about KVM on the pin and on the series; that its planted faults are seen is test/explore/faults.test.ts. */
import { describe, expect, it } from 'vitest';
import { recorded } from '../../properties/claims.js';
import { kvm } from '../../properties/families/kvm.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { kernelByName } from '../../src/series/registry.js';

// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee([kvm]);

const options = { ...ASK_DEFAULTS, runs: 80, events: 6_000, unshrunk: true };

describe.each(kvm.properties.map((p) => [p.id, p] as const))('%s', (id, property) => {
  it.each(['v6.12.117', 'v6.19-rc1+semantics-aware-v2'])(`${property.says}: %s`, (name) => {
    const kernel = kernelByName(name);
    const answer = ask(machineEngine, kernel, property, options);
    if (property.about !== undefined && kernel.table[property.about] === undefined) {
      expect([answer.verdict, recorded[id][name]]).toEqual(['vacuous', 'vacuous']);
      expect(answer.evidence.note).toContain('lacks');
      return;
    }
    expect(answer.verdict, answer.example?.message).toBe(recorded[id][name]);
    expect(answer.evidence.note).toBeUndefined();
  });
});
