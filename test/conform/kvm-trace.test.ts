// SPDX-License-Identifier: GPL-2.0-only
/** kvm_vcpu_on_spin() as a real kvm_amd of 6.12.117 was recorded at it: four vCPUs on one and on two CPUs. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replayKvmTrace } from '../../src/conform/recording/kvm-trace.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { withStubs } from '../kvm/stub.js';

const recording = (name: string): string =>
  gunzipSync(readFileSync(new URL(`../vectors/${name}.txt.gz`, import.meta.url))).toString();

describe('recorded directed yields', () => {
  it.each([
    ['kvm-on-spin-1cpu', 122],
    ['kvm-on-spin-2cpu', 37],
  ])('%s: every candidate in the same order, and the same vCPU boosted', (name, calls) => {
    const result = replayKvmTrace(linux_6_12, recording(name));
    expect(result.differences).toEqual([]);
    expect(result.calls).toBe(calls);
    expect(result.decisions).toBeGreaterThan(3 * calls);
  });

  it('would notice an answer about eligibility without its side effect', () => {
    const kernel = withStubs({
      kvm_vcpu_eligible_for_directed_yield: (v: { spin_loop: { in_spin_loop: boolean } }) => !v.spin_loop.in_spin_loop,
    });
    expect(replayKvmTrace(kernel, recording('kvm-on-spin-1cpu')).differences.length).toBeGreaterThan(10);
  });
});
