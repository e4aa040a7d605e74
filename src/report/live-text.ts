// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform --kvm` says. */
import { count } from '../base/text.js';
import type { LiveResult } from '../conform/recording/live-sessions.js';

/** Totals, and the first five differences; `session` operations are one. */
export function liveText(result: LiveResult, session: number): string {
  const { vendor, sessions, operations, differences } = result;
  const lines = [
    `kvm_${vendor === 'vmx' ? 'intel' : 'amd'}: ${sessions} sessions, ${operations} operations, ${count(differences.length, 'difference')}`,
  ];
  for (const d of differences.slice(0, 5)) {
    lines.push(`seed ${d.seed}, operation ${d.n}: ${d.op}`, `  ${d.field}: KVM ${d.kvm}, model ${d.model}`);
  }
  if (differences.length > 0) lines.push(`kvmodel conform --kvm --seed ${differences[0].seed} --operations ${session}`);
  return `${lines.join('\n')}\n`;
}
