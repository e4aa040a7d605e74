// SPDX-License-Identifier: GPL-2.0-only
/** The model's local APICs beside a real KVM's, where there is one; what needs none is asked everywhere. */
import { describe, expect, it } from 'vitest';
import { compareLive, liveLines, liveSession, vendorLines, vendorOf } from '../../src/conform/recording/lapic-live.js';
import { createLapicMachine, registerPage } from '../../src/machine/lapic-machine.js';
import { type KvmHelper, openKvmHelper } from '../../src/native/kvm-lapic.js';
import { NativeError } from '../../src/native/native-error.js';
import { kernelByName, pin } from '../../src/series/registry.js';

/** The helper with a KVM that answers, or why there is none. */
function opened(): KvmHelper | string {
  let helper: KvmHelper | null = null;
  try {
    helper = openKvmHelper();
    helper.ask(vendorLines);
    return helper;
  } catch (e) {
    helper?.close();
    if (e instanceof NativeError) return e.message;
    throw e;
  }
}

const helper = opened();
const why = typeof helper === 'string' ? helper : 'with /dev/kvm';

describe('random operations', () => {
  it('are the same for the same seed, and make a line each with the pages after it', () => {
    const session = liveSession(7, 50);
    expect(liveSession(7, 50)).toEqual(session);
    expect(liveLines(session)).toHaveLength(1 + 50 * (1 + session.ncpu));
  });

  it('are compared: a page that is otherwise is a difference', () => {
    const session = { seed: 1, ncpu: 1, ops: liveSession(1, 1).ops.slice(0, 1) };
    const page = registerPage(
      createLapicMachine(pin, { vcpus: 1 }),
      createLapicMachine(pin, { vcpus: 1 }).vcpus[0],
      [],
    );
    const answers = ['0', '1', page.map((w) => w.toString(16)).join(' ')];
    expect(compareLive(pin, session, answers, 'svm')).toMatchObject({ n: 0, field: 'c0 d0', kvm: '0', model: '1' });
  });

  it.skipIf(typeof helper === 'string')(`do the same to a real KVM (${why})`, () => {
    if (typeof helper === 'string') return;
    const vendor = vendorOf(helper.ask(vendorLines));
    let told = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const session = liveSession(seed, 100);
      const answers = helper.ask(liveLines(session));
      expect(compareLive(pin, session, answers, vendor)).toBeNull();
      if (compareLive(kernelByName('revert-5063c41bebac'), session, answers, vendor) !== null) told++;
    }
    expect(told).toBeGreaterThan(0);
    helper.close();
  });
});
