// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel conform --drift`, `--record` and `--replay`: what a tree changed, and what is recorded of one. */
import { gzipSync } from 'node:zlib';
import { columns, count } from '../base/text.js';
import { readMaybeGzipped, refuseExisting, writeNew } from '../loader/files.js';
import { type Asked, json } from './conform-asked.js';
import { BAD_INPUT, OK, REFUTED } from './exit.js';
import type { Io } from './io.js';
import { isLapicRecording, replayLapicRecording } from './lapic-replay.js';

// ---- drift ---------------------------------------------------------------------------------------------------------

export async function drift(io: Io, asked: Asked, recordTo?: string): Promise<number> {
  if (recordTo !== undefined) refuseExisting(recordTo, io.cwd);
  const { findTree } = await import('../native/find-tree.js');
  const { driftOf, mirroredHashes, mirrors, PIN, recordedHashes } = await import('../native/mirrors.js');
  const tree = await findTree(asked.tree);
  const list = mirrors();
  if (recordTo !== undefined) {
    const hashes = [...mirroredHashes(tree, list)].sort(([a], [b]) => (a < b ? -1 : 1));
    writeNew(recordTo, `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`, io.cwd);
    io.out(`${hashes.length} of ${list.length} mirrored functions of ${tree.version} in ${recordTo}\n`);
    return OK;
  }
  const result = driftOf(list, recordedHashes(), mirroredHashes(tree, list));
  if (asked.json) io.out(json({ tree: tree.version, pin: PIN, ...result }));
  else {
    const part = (title: string, what: readonly { file: string; name: string; mirroredIn: string }[]) =>
      what.length === 0 ? [] : ['', `${title}:`, ...columns(what.map((m) => [`  ${m.name}`, m.file, m.mirroredIn]))];
    const lines = [
      `${list.length} mirrored functions, ${PIN} beside ${tree.version}: ${result.same} the same, ` +
        `${result.changed.length} changed, ${result.gone.length} gone`,
      ...part('Changed', result.changed),
      ...part('Gone: renamed, moved or removed', result.gone),
      ...part('Mirrored since the record was made', result.unrecorded),
    ];
    io.out(`${lines.join('\n')}\n`);
  }
  return result.changed.length + result.gone.length === 0 ? OK : REFUTED;
}

// ---- recordings ------------------------------------------------------------------------------------------------------

export async function record(io: Io, path: string, asked: Asked): Promise<number> {
  refuseExisting(path, io.cwd);
  const { openNativeEngine } = await import('../native/engine.js');
  const { recordVectors } = await import('../conform/recording/record.js');
  const cpus = asked.cpus[0]!;
  const native = await openNativeEngine({ ...asked, cpus });
  try {
    const length = 200;
    const sequences = Math.max(1, Math.ceil(asked.operations / length));
    const text = [...recordVectors(native, { sequences, length, seed: asked.seed }), ''].join('\n');
    writeNew(path, path.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text, io.cwd);
    io.out(`${count(sequences, 'sequence')}, ${count(sequences * length, 'operation')} of ${native.name} in ${path}\n`);
  } finally {
    native.close();
  }
  return OK;
}

/** `kernel` is the model's; the release nearest to the recorded one otherwise. */
export async function replayFile(io: Io, path: string, asked: Asked, kernel?: string): Promise<number> {
  const text = readMaybeGzipped(path, io.cwd, 'a recording, plain or gzipped');
  if (isLapicRecording(text)) return await replayLapicRecording(io, path, text, asked.json);
  if (/^### SCENARIO /m.test(text)) return await replayKvm(io, path, text, asked);
  const { readRecording } = await import('../operation/sched.js');
  const { differenceLine, replay, replaySummary } = await import('../conform/recording/replay.js');
  const { modelEngine } = await import('../conform/sched/model-engine.js');
  const { kernelByName, nearestRelease } = await import('../series/registry.js');
  const { sequences, faults } = readRecording(text);
  if (faults.length > 0 || sequences.length === 0) {
    for (const fault of faults.slice(0, 20)) io.err(`kvmodel: ${path}:${fault.line}: ${fault.message}\n`);
    if (faults.length === 0) io.err(`kvmodel: ${path}: expected a recording, found no sequence\n`);
    return BAD_INPUT;
  }
  const model = kernel === undefined ? nearestRelease(sequences[0]!.tree) : kernelByName(kernel);
  const result = replay(sequences, (cpus) => modelEngine(model, cpus));
  if (asked.json) io.out(json(result));
  else io.out(`${[...result.differences.map(differenceLine), replaySummary(result)].join('\n')}\n`);
  return result.differences.length === 0 ? OK : REFUTED;
}

/** A trace of a real KVM: which vCPU each kvm_vcpu_on_spin() asked about and yielded to. */
async function replayKvm(io: Io, path: string, text: string, asked: Asked): Promise<number> {
  const { replayKvmTrace } = await import('../conform/recording/kvm-trace.js');
  const { pin } = await import('../series/registry.js');
  const { calls, decisions, differences } = replayKvmTrace(pin, text, path);
  const lines = differences.map((d) => `line ${d.line}: Linux ${d.linux}, model ${d.model}`);
  const summary = `${count(calls, 'call')} of kvm_vcpu_on_spin(), ${count(decisions, 'decision')}, ${count(differences.length, 'difference')}`;
  io.out(asked.json ? json({ calls, decisions, differences }) : `${[...lines, summary].join('\n')}\n`);
  return differences.length === 0 ? OK : REFUTED;
}
