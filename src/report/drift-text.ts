// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform --drift` says: which mirrored functions read otherwise in another tree. */
import { columns } from '../base/text.js';

interface Mirrored {
  readonly file: string;
  readonly name: string;
  readonly mirroredIn: string;
}

/** Of `mirrored` functions, those of `pin` beside those of `tree`. */
export function driftLines(
  mirrored: number,
  pin: string,
  tree: string,
  drift: {
    readonly same: number;
    readonly changed: readonly Mirrored[];
    readonly gone: readonly Mirrored[];
    readonly unrecorded: readonly Mirrored[];
  },
): string[] {
  const part = (title: string, what: readonly Mirrored[]) =>
    what.length === 0 ? [] : ['', `${title}:`, ...columns(what.map((m) => [`  ${m.name}`, m.file, m.mirroredIn]))];
  return [
    `${mirrored} mirrored functions, ${pin} beside ${tree}: ${drift.same} the same, ` +
      `${drift.changed.length} changed, ${drift.gone.length} gone`,
    ...part('Changed', drift.changed),
    ...part('Gone: renamed, moved or removed', drift.gone),
    ...part('Mirrored since the record was made', drift.unrecorded),
  ];
}
