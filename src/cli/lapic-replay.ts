// SPDX-License-Identifier: GPL-2.0-only
/** The part of `kvmodel conform --replay` for recordings of a real KVM's local APICs. */
import { OK, REFUTED } from './exit.js';
import type { Io } from './io.js';
import { progressTo } from './progress.js';

/** Does the text begin as such a recording does? */
export const isLapicRecording = (text: string): boolean => /^\s*\{\s*"hdr"\s*:/.test(text);

/** Replays it and says what came of it. Throws BadInput with every fault for what is no recording. */
export async function replayLapicRecording(io: Io, path: string, text: string, json: boolean): Promise<number> {
  const [{ parseLapicTranscript }, { replayLapic, replayText }] = await Promise.all([
    import('../conform/recording/lapic-transcript.js'),
    import('../conform/recording/lapic-replay.js'),
  ]);
  const sessions = parseLapicTranscript(text, path);
  const progress = await progressTo(io);
  const total = sessions.length;
  const result = replayLapic(sessions, undefined, (done) => progress.report({ done, total, label: 'sessions' }));
  progress.stop();
  io.out(json ? `${JSON.stringify(result)}\n` : replayText(result));
  return result.differences.length === 0 ? OK : REFUTED;
}
