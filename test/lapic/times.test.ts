// SPDX-License-Identifier: GPL-2.0-only
/** Timer sessions made by the model itself, each operation at a known moment between the times that a recording has. */
import { expect, it } from 'vitest';
import { newBeside, perform } from '../../src/conform/recording/lapic-perform.js';
import { replayLapic } from '../../src/conform/recording/lapic-replay.js';
import { type LapicOp, parseLapicTranscript } from '../../src/conform/recording/lapic-transcript.js';
import { u64 } from '../../src/lib/types.js';
import {
  advanceTo,
  createLapicMachine,
  injectTimers,
  registerPage,
  startAps,
} from '../../src/machine/lapic-machine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

/** [op, register, value, us of t0, us from there to the moment, us from t0 to t1] */
type Done = ['mw' | 'win', number, number, number, number, number];

const KHZ = 1_000_000;
const TMCCT = 0x390;

/** The session as a recording has it. */
function recorded(done: readonly Done[]): string {
  const machine = createLapicMachine(linux_6_12, { vcpus: 1, tsc_khz: KHZ, maxphyaddr: 40 });
  startAps(machine);
  const vcpu = machine.vcpus[0];
  const seen = registerPage(machine, vcpu, new Array<number>(256).fill(0)).slice();
  const words = (of: readonly number[], before: readonly number[]): [number, string, string][] =>
    of.flatMap((value, i) =>
      value === before[i] || i * 4 === TMCCT
        ? []
        : [[0, (i * 4).toString(16), value.toString(16)] as [number, string, string]],
    );
  const lines: unknown[] = [
    { hdr: 1, mode: 'timer', seed: 1, ncpu: 1, tsc_khz: KHZ, d: words(seen, new Array<number>(256).fill(0)) },
  ];
  done.forEach(([op, a, v, t0, moment, t1], n) => {
    advanceTo(machine, u64((t0 + moment) * 1000));
    injectTimers(machine, vcpu);
    const asked = { n, line: n + 2, c: 0, op, a, v: BigInt(v), d: [], vec: [], gp: false } as unknown as LapicOp;
    const { vec } = perform(machine, asked, newBeside());
    advanceTo(machine, u64((t0 + t1) * 1000));
    injectTimers(machine, vcpu);
    const page = registerPage(machine, vcpu, new Array<number>(256).fill(0)).slice();
    const what = op === 'win' ? {} : { a: a.toString(16), v: v.toString(16) };
    const took = vec.length > 0 ? { vec } : {};
    const times = { t0: t0 * 1000, t1: (t0 + t1) * 1000 };
    lines.push({ n, c: 0, op, ...what, ...times, ...took, d: words(page, seen) });
    seen.splice(0, 256, ...page);
  });
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

/** An expired one-shot of 8 us, switched to periodic, which its divider then starts from the moment of the write. */
const expired = (lvtt: number, moment: number): Done[] => [
  ['mw', 0xf0, 0x1ff, 1000, 1, 2],
  ['mw', 0x320, 0xe1, 1010, 1, 2],
  ['mw', 0x380, 0x1000, 1020, 1, 2],
  ['win', 0, 0, 1100, 1, 2],
  ['mw', 0xb0, 0, 1110, 1, 2],
  ['mw', 0x320, lvtt, 1120, 1, 2],
  ['mw', 0x3e0, 1, 1200, moment, 100],
  ['win', 0, 0, 1310, 1, 2],
  ['mw', 0xb0, 0, 1320, 1, 2],
  // the shortest period is 200 us: between that from t0 on and that from the moment on, and behind both
  ['win', 0, 0, 1430, 1, 2],
  ['mw', 0xb0, 0, 1440, 1, 2],
  ['win', 0, 0, 1490, 1, 2],
];

it.each([60, 95])(
  'a TDCR write starts a periodic timer whose count is over from its own moment, %i us in',
  (moment) => {
    const text = recorded(expired(0x200e1, moment));
    const sessions = parseLapicTranscript(text);
    expect(sessions[0].ops.map((op) => op.vec)).toEqual([
      ...[[], [], [], [0xe1], [], [], []],
      ...(moment === 60 ? [[0xe1], [], [], [], [0xe1]] : [[0xe1], [], [], [], []]),
    ]);
    expect(replayLapic(sessions).differences).toEqual([]);
  },
);

it('in one-shot mode the same write fires once more, at any moment', () => {
  const sessions = parseLapicTranscript(recorded(expired(0xe1, 60)));
  expect(replayLapic(sessions).differences).toEqual([]);
});
