// SPDX-License-Identifier: GPL-2.0-only
/**
 * A place as the fragment of a link: which run, on which kernels, changed how, and where in it. What a link names and the page
 * lacks is said, not passed over.
 */
import type { MachineEvent } from '../scenario/events.js';
import type { Place } from '../step/timeline.js';

/** One event taken out or put in; both by the index at the time. */
export type Edit = { out: number } | { in: number; event: MachineEvent };

export interface Link {
  /** a scenario of the catalogue, or `=` and the fingerprint of a run that a file carries */
  target: string;
  kernel: string;
  against: string | null;
  seed: number | null;
  edits: readonly Edit[];
  place: Place;
  /** what is looked at beside */
  view: string | null;
}

const KNOWN = new Set(['v', 't', 'k', 'a', 'seed', 'e', 's', 'x', 'view']);
/** Another meaning of any part means another number. */
const VERSION = '1';

export function linkText(link: Link): string {
  const parts: [string, string][] = [
    ['v', VERSION],
    ['t', link.target],
    ['k', link.kernel],
  ];
  if (link.against !== null) parts.push(['a', link.against]);
  if (link.seed !== null) parts.push(['seed', String(link.seed)]);
  for (const edit of link.edits)
    parts.push(['x', 'out' in edit ? `-${edit.out}` : `+${edit.in}${JSON.stringify(edit.event)}`]);
  parts.push(['e', String(link.place.event)]);
  if (link.place.step > 0) parts.push(['s', String(link.place.step)]);
  if (link.view !== null) parts.push(['view', link.view]);
  return parts.map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll('%2B', '+')}`).join('&');
}

/** What a fragment says; null for none. `faults`: what it says that cannot be read. */
export function readLink(fragment: string): { link: Link; faults: string[] } | null {
  const text = fragment.replace(/^#/, '');
  if (text === '') return null;
  const faults: string[] = [];
  const parts = text.split('&').map((part): [string, string] => {
    const [, key = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    try {
      return [key, decodeURIComponent(value)];
    } catch {
      faults.push(`its ${key} cannot be read: ${value}`);
      return ['', ''];
    }
  });
  const one = (key: string): string | null => parts.find(([it]) => it === key)?.[1] ?? null;
  const number = (key: string): number | null => {
    const value = one(key);
    if (value === null) return null;
    if (/^\d{1,9}$/.test(value)) return Number(value);
    faults.push(`its ${key} is no number: ${value}`);
    return null;
  };
  for (const [key] of parts)
    if (key !== '' && !KNOWN.has(key)) faults.push(`it says ${key}, which this page does not know`);
  if (one('v') !== VERSION) faults.push(`it is of version ${one('v') ?? 'none'}; this page reads ${VERSION}`);
  const edits = parts.filter(([key]) => key === 'x').flatMap(([, value]) => readEdit(value, faults));
  return {
    link: {
      target: one('t') ?? '',
      kernel: one('k') ?? '',
      against: one('a'),
      seed: number('seed'),
      edits,
      place: { event: number('e') ?? 0, step: number('s') ?? 0 },
      view: one('view'),
    },
    faults,
  };
}

function readEdit(text: string, faults: string[]): Edit[] {
  const out = /^-(\d{1,9})$/.exec(text);
  if (out !== null) return [{ out: Number(out[1]) }];
  const put = /^\+(\d{1,9})(\{.*\})$/s.exec(text);
  try {
    if (put !== null) return [{ in: Number(put[1]), event: JSON.parse(put[2]) as MachineEvent }];
  } catch {
    // told below
  }
  faults.push(`its change of events cannot be read: ${text}`);
  return [];
}

/** The events with the changes made in order. Says which of them do not fit. */
export function edited(
  events: readonly MachineEvent[],
  edits: readonly Edit[],
): { events: MachineEvent[]; faults: string[] } {
  const made = [...events];
  const faults: string[] = [];
  for (const edit of edits) {
    const at = 'out' in edit ? edit.out : edit.in;
    if (at >= made.length + ('out' in edit ? 0 : 1))
      faults.push(`it changes event ${at}, and the run has ${made.length}`);
    else if ('out' in edit) made.splice(at, 1);
    else made.splice(at, 0, edit.event);
  }
  return { events: made, faults };
}

/** Short, and another for another run: FNV-1a of its JSON. */
export function fingerprint(value: unknown): string {
  let hash = 0x811c9dc5;
  for (const c of JSON.stringify(value)) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
