// SPDX-License-Identifier: GPL-2.0-only
/** Progress of long work on stderr: a bar drawn in place on a terminal, a few plain lines elsewhere. */
import type { Io } from './io.js';

export type Progress = (p: { done: number; total: number; label: string }) => void;

/** A progress that ends with `stop`. Nothing is drawn for work that is over before its first report. */
export async function progressTo(io: Io): Promise<{ report: Progress; stop: () => void }> {
  return io.errIsTty && io.errStream !== undefined && io.env['TERM'] !== 'dumb' ? bar(io.errStream) : plain(io);
}

async function bar(stream: NodeJS.WritableStream): Promise<{ report: Progress; stop: () => void }> {
  const { SingleBar } = (await import('cli-progress')).default;
  const drawn = new SingleBar({
    format: '{bar} {value}/{total} {label}',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    stream,
  });
  let started = false;
  const report: Progress = ({ done, total, label }) => {
    const payload = { label: label.slice(0, 34) };
    if (!started) drawn.start(total, done, payload);
    else {
      drawn.setTotal(total);
      drawn.update(done, payload);
    }
    started = true;
  };
  return { report, stop: () => started && drawn.stop() };
}

/** One line at each tenth. */
async function plain(io: Io): Promise<{ report: Progress; stop: () => void }> {
  let tenth = 0;
  const report: Progress = ({ done, total, label }) => {
    const now = total === 0 ? 0 : Math.floor((done / total) * 10);
    if (now <= tenth) return;
    tenth = now;
    io.err(`kvmodel: ${done} of ${total}: ${label}\n`);
  };
  return { report, stop: () => undefined };
}
