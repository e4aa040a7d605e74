// SPDX-License-Identifier: GPL-2.0-only
/** How a campaign is getting on: one line drawn anew on a terminal, a line now and then elsewhere. */
import type { Moment } from '../fuzz/campaign.js';
import type { Io } from './io.js';

/** s between two plain lines */
const PLAIN_S = 30;

export interface Status {
  moment(moment: Moment): void;
  /** something worth a line of its own */
  say(text: string): void;
  stop(): void;
}

const short = (n: number): string =>
  n < 10_000 ? String(n) : n < 10_000_000 ? `${Math.round(n / 1000)}k` : `${Math.round(n / 1_000_000)}M`;

export function statusLine(at: Moment, before: Moment | null, lastNew: number): string {
  const seconds = at.seconds - (before?.seconds ?? 0);
  const rate = seconds > 0 ? Math.round((at.events - (before?.events ?? 0)) / seconds) : 0;
  const { events, corpus, branches, pairs, states, findings } = at;
  const ago = Math.max(0, Math.round(at.seconds - lastNew));
  return [
    `${Math.round(at.seconds)} s`,
    `${short(events)} events (${short(rate)}/s)`,
    `corpus ${corpus}`,
    `branches ${branches}`,
    `pairs ${pairs}`,
    `states ${states}`,
    `found ${findings}`,
    `last new ${ago} s ago`,
  ].join(', ');
}

/** @param now seconds */
export function statusTo(io: Io, now: () => number): Status {
  const drawn = io.errIsTty && io.env['TERM'] !== 'dumb';
  let before: Moment | null = null;
  let lastNew = 0;
  let printed = now();
  let isDrawn = false;
  const clear = (): void => {
    if (isDrawn) io.err('\r\x1b[K');
    isDrawn = false;
  };
  return {
    moment(at) {
      const grew =
        before === null || at.branches + at.pairs + at.states > before.branches + before.pairs + before.states;
      if (grew) lastNew = at.seconds;
      const line = statusLine(at, before, lastNew);
      before = at;
      if (drawn) {
        clear();
        io.err(line.slice(0, 110));
        isDrawn = true;
      } else if (now() - printed >= PLAIN_S) {
        printed = now();
        io.err(`kvmodel: ${line}\n`);
      }
    },
    say(text) {
      clear();
      io.err(`${text}\n`);
    },
    stop: clear,
  };
}
