// SPDX-License-Identifier: GPL-2.0-only
/** Random sessions with the local APICs of this machine's KVM, each compared with the model's. */
import { openKvmHelper } from '../../native/kvm-lapic.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { Report } from '../parts.js';
import { compareLive, type LiveDifference, liveLines, liveSession, vendorLines, vendorOf } from './lapic-live.js';

/** operations of a session */
export const SESSION = 200;
/** sessions a run of the helper */
const BATCH = 20;

export interface LiveResult {
  readonly vendor: 'vmx' | 'svm';
  readonly sessions: number;
  readonly operations: number;
  readonly differences: readonly LiveDifference[];
}

/** At least so many operations. Throws NativeError where there is no KVM to ask. */
export function holdLive(kernel: Kernel, asked: { operations: number; seed: number }, report: Report): LiveResult {
  const helper = openKvmHelper();
  const sessions = Math.ceil(asked.operations / SESSION);
  const differences: LiveDifference[] = [];
  try {
    const vendor = vendorOf(helper.ask(vendorLines));
    for (let done = 0; done < sessions; done += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, sessions - done) }, (_, i) =>
        liveSession(asked.seed + done + i, SESSION),
      );
      const lines = batch.map(liveLines);
      const answers = helper.ask(lines.flat());
      let from = 0;
      batch.forEach((session, i) => {
        const found = compareLive(kernel, session, answers.slice(from, from + lines[i].length), vendor);
        if (found !== null) differences.push(found);
        from += lines[i].length;
      });
      report(Math.min(done + BATCH, sessions), 'sessions');
    }
    return { vendor, sessions, operations: sessions * SESSION, differences };
  } finally {
    helper.close();
  }
}
