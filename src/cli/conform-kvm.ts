// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel conform --kvm`: the model's local APICs beside those of the KVM of this machine, on random operations. */
import {
  compareLive,
  type LiveDifference,
  liveLines,
  liveSession,
  vendorLines,
  vendorOf,
} from '../conform/recording/lapic-live.js';
import { openKvmHelper } from '../native/kvm-lapic.js';
import type { Kernel } from '../vmlinux/bind.js';
import { OK, REFUTED } from './exit.js';
import type { Io } from './io.js';
import { progressTo } from './progress.js';

const LENGTH = 200;
/** sessions a run of the helper */
const BATCH = 20;

/** Throws NativeError where there is no KVM to ask. */
export async function conformKvm(
  io: Io,
  kernel: Kernel,
  asked: { operations: number; seed: number; json: boolean },
): Promise<number> {
  const helper = openKvmHelper();
  const progress = await progressTo(io);
  const total = Math.ceil(asked.operations / LENGTH);
  const differences: LiveDifference[] = [];
  try {
    const vendor = vendorOf(helper.ask(vendorLines));
    for (let done = 0; done < total; done += BATCH) {
      const sessions = Array.from({ length: Math.min(BATCH, total - done) }, (_, i) =>
        liveSession(asked.seed + done + i, LENGTH),
      );
      const lines = sessions.map(liveLines);
      const answers = helper.ask(lines.flat());
      let from = 0;
      sessions.forEach((session, i) => {
        const found = compareLive(kernel, session, answers.slice(from, from + lines[i].length), vendor);
        if (found !== null) differences.push(found);
        from += lines[i].length;
      });
      progress.report({ done: Math.min(done + BATCH, total), total, label: 'sessions' });
    }
    progress.stop();
    const operations = total * LENGTH;
    if (asked.json) io.out(`${JSON.stringify({ vendor, sessions: total, operations, differences })}\n`);
    else io.out(text(total, operations, vendor, differences));
    return differences.length === 0 ? OK : REFUTED;
  } finally {
    progress.stop();
    helper.close();
  }
}

function text(sessions: number, operations: number, vendor: string, differences: readonly LiveDifference[]): string {
  const lines = [
    `kvm_${vendor === 'vmx' ? 'intel' : 'amd'}: ${sessions} sessions, ${operations} operations, ${differences.length} differences`,
  ];
  for (const d of differences.slice(0, 5)) {
    lines.push(`seed ${d.seed}, operation ${d.n}: ${d.op}`, `  ${d.field}: KVM ${d.kvm}, model ${d.model}`);
  }
  if (differences.length > 0) lines.push(`kvmodel conform --kvm --seed ${differences[0].seed} --operations ${LENGTH}`);
  return `${lines.join('\n')}\n`;
}
