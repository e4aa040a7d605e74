// SPDX-License-Identifier: GPL-2.0-only
/** Every planted fault does something: seen in recordings of the kernel's own code, or in a state made for it. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replay } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { S64_ZERO, to_s64, u64 } from '../../src/lib/types.js';
import { readRecording, type Sequence } from '../../src/operation/sched.js';
import * as core from '../../src/sched/core.js';
import * as fair from '../../src/sched/fair.js';
import * as sched from '../../src/sched/sched.js';
import * as syscalls from '../../src/sched/syscalls.js';
import { historic } from '../../src/series/historic/index.js';
import { kernelByName, pin, seriesKernel } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';
import { type Bench, bench, replacing } from './harness.js';

function recorded(name: string): readonly Sequence[] {
  const file = new URL(`../vectors/${name}.jsonl.gz`, import.meta.url);
  return readRecording(gunzipSync(readFileSync(file)).toString('utf8')).sequences;
}

/** Whether some recorded sequence tells the kernel from 6.12.117. */
function isTold(kernel: Kernel, sequences: readonly Sequence[]): boolean {
  return sequences.some((it) => replay([it], (cpus) => modelEngine(kernel, cpus)).differences.length > 0);
}

/** What a bench shows that a planted fault changes: the fault's answer, then the pin's. */
const shown: Record<string, { by: (b: Bench) => unknown; wrong: unknown; right: unknown }> = {
  'revert-2f2fc17bab00': {
    by(b) {
      b.k.m.sysctl_sched_base_slice = 5_000_000;
      const p = b.fork();
      b.k.m.sysctl_sched_base_slice = 1_000_000;
      b.k.place_entity(b.cfs(), b.se(p), 0);
      return b.se(p).slice;
    },
    wrong: u64(5_000_000),
    right: u64(1_000_000),
  },
  'revert-493afbd187c4': {
    by(b) {
      const [p, q] = [b.fork(), b.fork()];
      b.warm(20);
      const other = b.curr().id === p.id ? q : p;
      b.k.m.sched_feat.NEXT_BUDDY = true;
      b.cfs().next = sched.NULL;
      b.se(other).sched_delayed = 1;
      b.k.check_preempt_wakeup_fair(b.k.m.rq[0], other, sched.WF_TTWU);
      return b.cfs().next !== sched.NULL;
    },
    wrong: true,
    right: false,
  },
  'revert-c5ae366e12db': {
    by(b) {
      const [p, q] = [b.fork(), b.fork()];
      b.warm(20);
      const other = b.curr().id === p.id ? q : p;
      b.cfs().next = sched.NULL;
      b.se(other).on_rq = 0;
      b.k.set_next_buddy(b.se(other));
      return b.cfs().next !== sched.NULL;
    },
    wrong: true,
    right: false,
  },
  'revert-fc1892becd56': {
    by(b) {
      const p = b.fork();
      b.se(p).sched_delayed = 1;
      return b.k.se_runnable(b.se(p));
    },
    wrong: to_s64(u64(1)),
    right: S64_ZERO,
  },
  'revert-cd9626e9ebc7': {
    by(b) {
      const p = b.fork();
      b.se(p).sched_delayed = 1;
      return b.k.task_is_runnable(p);
    },
    wrong: true,
    right: false,
  },
};

describe('planted faults', () => {
  const one = recorded('own-1cpu');
  const two = recorded('own-2cpu');

  it('the pin itself is not told apart', () => {
    expect(isTold(pin, one)).toBe(false);
  });

  const isOfSched = (name: string): boolean => name in { ...sched, ...core, ...fair, ...syscalls };
  // only in some orders of several CPUs: test/races
  const inRaces = ['revert-5d808c78d972'];
  const rest = historic.filter(
    (s) => !(s.id in shown) && !inRaces.includes(s.id) && Object.keys(s.patches[0].funcs ?? {}).every(isOfSched),
  );
  it.each(rest.map((s) => [s.id, s] as const))('%s is told from recordings of the kernel', (_id, series) => {
    const kernel = seriesKernel(series);
    expect(isTold(kernel, one) || isTold(kernel, two)).toBe(true);
  });

  it.each(Object.entries(shown))('%s answers otherwise than the pin', (id, { by, wrong, right }) => {
    expect(by(bench(kernelByName(id)))).toEqual(wrong);
    expect(by(bench(pin))).toEqual(right);
  });

  it('each says what a property has to notice', () => {
    for (const series of historic) {
      expect(series.notices, series.id).toMatch(/.{20}/);
      expect(series.patches, series.id).toHaveLength(1);
    }
  });
});

describe('planted faults of directed yield', () => {
  /** A VM of four, each with a CPU of its own, whose directed yields succeed and are noted. */
  function vm(kernel: Kernel): { t: TestMachine; boosted: number[] } {
    const boosted: number[] = [];
    const noting = replacing(kernel, {
      kvm_vcpu_yield_to: () => (target: { vcpu_idx: number }) => {
        boosted.push(target.vcpu_idx);
        return 1;
      },
    });
    const t = testMachine(4, { vendor: 'vmx', vcpus: 4, x2apic: true }, [[0], [1], [2], [3]], noting);
    for (let i = 0; i < 4; i++) {
      Object.assign(t.v(i), { preempted: true, ready: true });
      t.v(i).arch.preempted_in_kernel = true;
    }
    t.m.cpu = 0;
    return { t, boosted };
  }

  /** vCPU 0 spins; what is left of kvm_vcpu_on_spin() runs at once. */
  function spin(t: TestMachine): void {
    const current = t.k.get_current();
    const stack = current.kernel_stack;
    current.kernel_stack = [];
    t.k.kvm_vcpu_on_spin(t.v(0), true);
    t.k.unwindKernelStack(0);
    current.kernel_stack = stack;
  }

  it('revert-118964562969: preempted although it does not want to run', () => {
    const outcome = (kernel: Kernel): boolean[] => {
      const { t } = vm(kernel);
      Object.assign(t.v(0), { preempted: false, ready: false, wants_to_run: false });
      t.k.kvm_sched_out(t.v(0).id, t.t(1));
      return [t.v(0).preempted, t.v(0).ready];
    };
    expect(outcome(kernelByName('revert-118964562969'))).toEqual([true, true]);
    expect(outcome(pin)).toEqual([false, false]);
  });

  it('revert-52acd22faa1a: a pending interrupt makes no target', () => {
    const outcome = (kernel: Kernel): number[] => {
      const pending = replacing(kernel, { kvm_arch_dy_has_pending_interrupt: () => () => true });
      const { t, boosted } = vm(pending);
      for (const i of [1, 2, 3]) t.v(i).arch.preempted_in_kernel = false;
      spin(t);
      return boosted;
    };
    expect(outcome(kernelByName('revert-52acd22faa1a'))).toEqual([]);
    expect(outcome(pin)).toEqual([1]);
  });

  it('revert-32bd348be3fa: boosts are not round robin', () => {
    const outcome = (kernel: Kernel): number[] => {
      const { t, boosted } = vm(kernel);
      for (let i = 0; i < 6; i++) spin(t);
      return boosted;
    };
    expect(outcome(kernelByName('v6.19-rc1'))).toEqual([1, 2, 3, 1, 2, 3]);
    expect(outcome(kernelByName('revert-32bd348be3fa'))).not.toEqual([1, 2, 3, 1, 2, 3]);
  });
});
