// SPDX-License-Identifier: GPL-2.0-only
/** KVM's functions, each cut out of the tree and held alone. */
import { describe, expect, it } from 'vitest';
import { holdAll } from '../../src/conform/held/hold-all.js';
import { findTree } from '../../src/native/find-tree.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';

describe.skipIf(missing !== null)(`functions of KVM, each alone${because}`, { timeout: 300_000 }, () => {
  it('do in the model what their C text does', async () => {
    const report = await holdAll(linux_6_12, await findTree(), { seed: 2026, calls: 60 });
    expect(report.rows.flatMap((row) => (row.difference === null ? [] : [row.difference]))).toEqual([]);
    expect(report.left).toEqual([]);
    expect(report.lackingFields).toEqual([]);
  });
});
