// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replayLapic, replayText } from '../../src/conform/recording/lapic-replay.js';
import { parseLapicTranscript } from '../../src/conform/recording/lapic-transcript.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { overridden } from '../series/overridden.js';

const FILE = new URL('../vectors/lapic-kvm-6.12.117.jsonl.gz', import.meta.url);
const sessions = parseLapicTranscript(gunzipSync(readFileSync(FILE)).toString('utf8'), 'lapic-kvm-6.12.117');

describe('the recordings of a real KVM', () => {
  it('are replayed without a difference, but for timers', () => {
    const replay = replayLapic(sessions.filter((s) => s.header.mode !== 'timer'));
    expect(replayText(replay)).toMatch(/^22 sessions, 12710 operations, 0 differences\n/);
  });

  it('are replayed without a difference, timers', () => {
    const replay = replayLapic(sessions.filter((s) => s.header.mode === 'timer'));
    expect(replayText(replay)).toMatch(/^2 sessions, 806 operations, 0 differences\n/);
  });

  it.each([
    ['a periodic timer of any frequency', { limit_periodic_timer_frequency() {} }],
    [
      'a divider that is taken for its bits',
      {
        update_divide_count(this: vmlinux_x86, apic: kvm_lapic) {
          apic.divide_count = 1 << (this.kvm_lapic_get_reg(apic, 0x3e0) & 7);
        },
      },
    ],
    [
      'a timer that is not stopped by a change of mode',
      {
        apic_update_lvtt(this: vmlinux_x86, apic: kvm_lapic) {
          apic.lapic_timer.timer_mode = this.kvm_lapic_get_reg(apic, 0x320) & apic.lapic_timer.timer_mode_mask;
        },
      },
    ],
  ])('tell the timers of a kernel with %s', (_, funcs) => {
    const [session] = sessions.filter((s) => s.header.mode === 'timer' && s.header.seed === 2);
    expect(replayLapic([session], overridden(linux_6_12, 'another', funcs)).differences).toHaveLength(1);
  });
});
