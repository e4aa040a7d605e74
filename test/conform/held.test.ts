// SPDX-License-Identifier: GPL-2.0-only
/** KVM's functions, each cut out of the tree and held alone. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { holdFunctions, wantedOf } from '../../src/conform/held/compare.js';
import { holdAll } from '../../src/conform/held/hold-all.js';
import { xorshift32 } from '../../src/conform/sched/generate.js';
import { ARCHITECTURES } from '../../src/native/extract/architecture.js';
import { openExtractEngine } from '../../src/native/extract/engine.js';
import { findTree, type KernelTree } from '../../src/native/find-tree.js';
import { mirrors } from '../../src/native/mirrors.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { pinArm64 } from '../../src/series/registry.js';
import { because, missing } from '../native/tree.js';
import { heldFaults } from './held-faults.js';
import { arm64Faults } from './held-faults-arm64.js';

describe.skipIf(missing !== null)(`functions of KVM, each alone${because}`, { timeout: 300_000 }, () => {
  it('do in the model what their C text does', async () => {
    const report = await holdAll(linux_6_12, await findTree(), { seed: 2026, calls: 60 });
    expect(report.rows.flatMap((row) => (row.difference === null ? [] : [row.difference]))).toEqual([]);
    expect(report.left).toEqual([]);
    expect(report.lackingFields).toEqual([]);
    const counted = report.coverage.functions.get('virt/kvm/kvm_main.c')?.get('held_kvm_vcpu_on_spin');
    expect(counted?.calls).toBeGreaterThan(0);
  });

  it(`finds every one of ${heldFaults.length} faults, planted one by one`, async () => {
    const tree = await findTree();
    const list = mirrors();
    const engine = await openExtractEngine(tree, wantedOf('x86', list));
    const missed: string[] = [];
    try {
      for (const fault of heldFaults) {
        const right = linux_6_12.table[fault.in]!;
        const table = Object.freeze({ ...linux_6_12.table, [fault.in]: fault.plant(right) });
        const rows = holdFunctions({ name: fault.what, table }, engine, 'x86', list, {
          seed: 1,
          calls: 400,
          only: new Set([fault.in]),
          unshrunk: true,
          random: xorshift32,
        });
        const found = rows[0]?.difference;
        if (found?.as !== fault.in) missed.push(`${fault.in}: ${fault.what}`);
      }
    } finally {
      engine.close();
    }
    expect(missed).toEqual([]);
  });

  it(`finds every one of ${arm64Faults.length} faults in arm64's functions`, async () => {
    const tree = await findTree();
    const list = mirrors();
    const engine = await openExtractEngine(tree, wantedOf('arm64', list));
    const missed: string[] = [];
    try {
      for (const fault of arm64Faults) {
        const right = pinArm64.table[fault.in]!;
        const table = Object.freeze({ ...pinArm64.table, [fault.in]: fault.plant(right) });
        const rows = holdFunctions({ name: fault.what, arch: 'arm64', table }, engine, 'arm64', list, {
          seed: 1,
          calls: 400,
          only: new Set([fault.in]),
          unshrunk: true,
          random: xorshift32,
        });
        if (rows[0]?.difference?.as !== fault.in) missed.push(`${fault.in}: ${fault.what}`);
      }
    } finally {
      engine.close();
    }
    expect(missed).toEqual([]);
  });

  it('follows a patched tree, names what changed, and leaves out what does not compile', async () => {
    const tree = await patchedTree(await findTree(), [
      ['virt/kvm/kvm_main.c', 'int try = 3;', 'int try = 2;'],
      ['virt/kvm/kvm_main.c', 'if (task_is_runnable(current)', 'if (current->on_cpu && current->se.on_rq'],
      ['virt/kvm/kvm_main.c', 'val *= grow;', 'val = added_by_the_patch(vcpu, val * grow);'],
      ['arch/x86/kvm/vmx/vmx.c', 'kvm_vcpu_on_spin(vcpu, true);', 'kvm_vcpu_on_spin(vcpu, tru);'],
      ['arch/x86/kvm/x86.c', '(vcpu->arch.msr_kvm_poll_control & 1) == 0', 'vcpu->arch.added_by_the_patch > 3'],
      [
        'arch/x86/include/asm/kvm_host.h',
        'bool preempted_in_kernel;',
        'bool preempted_in_kernel;\n\tu32 added_by_the_patch;',
      ],
    ]);
    try {
      const names = [
        'kvm_vcpu_on_spin',
        'grow_halt_poll_ns',
        'shrink_halt_poll_ns',
        'handle_pause',
        'kvm_arch_no_poll',
        'kvm_sched_out',
      ];
      const report = await holdAll(linux_6_12, tree, { seed: 1, calls: 400, only: new Set(names) });
      const of = (as: string) => report.rows.find((row) => row.as === as);
      expect(of('kvm_vcpu_on_spin')?.difference?.what).toMatch(/^call \d+$/);
      expect(of('grow_halt_poll_ns')?.difference?.native).toMatch(/^added_by_the_patch\(/);
      expect(of('shrink_halt_poll_ns')?.differing).toBe(0);
      expect(of('kvm_arch_no_poll')?.difference?.what).toBe('return value');
      // members of task_struct that no function of the pin reads
      expect(of('kvm_sched_out')?.difference).toMatchObject({ what: 'call 2', model: 'task_is_runnable(6)' });
      expect(of('handle_pause')).toBeUndefined();
      expect(report.left.map(({ name, why }) => [name, why.replace(/:\d+: .*/, '')])).toEqual([
        ['handle_pause', 'arch/x86/kvm/vmx/vmx.c'],
      ]);
    } finally {
      rmSync(tree.dir, { recursive: true });
    }
  });
});

/** A copy of what is cut from, with text replaced; the rest is linked to. */
async function patchedTree(tree: KernelTree, edits: readonly (readonly [file: string, from: string, to: string])[]) {
  const dir = mkdtempSync(join(tmpdir(), 'kvmodel-patched-'));
  const files = new Set([...ARCHITECTURES.flatMap((one) => one.order), 'include/linux/sched.h']);
  for (const file of files) {
    if (!existsSync(join(tree.dir, file))) continue;
    let text = readFileSync(join(tree.dir, file), 'utf8');
    for (const [, from, to] of edits.filter((edit) => edit[0] === file)) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return { dir, version: `${tree.version}-patched` };
}
