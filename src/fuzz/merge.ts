// SPDX-License-Identifier: GPL-2.0-only
/**
 * Corpora added up. What is merged is a join: the order does not matter, nor how often one is added; so shards may be merged as
 * they come, and merged again.
 */

/** Everything in a folder, by file name. */
export interface CorpusImage {
  /** runs, named by what they are */
  entries: Map<string, string>;
  /** counterexamples, named by their cause */
  findings: Map<string, FindingFiles>;
  /** what each campaign did, named by what is in it */
  campaigns: Map<string, string>;
}

export interface FindingFiles {
  /** the counterexample, as replay and step take it */
  json: string;
  text: string;
  /** '' where it would be too long */
  token: string;
}

export const emptyImage = (): CorpusImage => ({ entries: new Map(), findings: new Map(), campaigns: new Map() });

/** The shorter counterexample; of two that are alike in length the first in the order of their text. */
export function shorter(a: FindingFiles, b: FindingFiles): FindingFiles {
  if (a.json.length !== b.json.length) return a.json.length < b.json.length ? a : b;
  const [x, y] = [a, b].map(({ json, text, token }) => [json, text, token].join('\0'));
  return x <= y ? a : b;
}

/** In the order of their names, so that the same images give the same bytes. */
const sorted = <T>(map: Map<string, T>): Map<string, T> =>
  new Map([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

export function mergedImages(images: readonly CorpusImage[]): CorpusImage {
  const out = emptyImage();
  const least = (map: Map<string, string>, name: string, text: string): void => {
    const known = map.get(name);
    if (known === undefined || text < known) map.set(name, text);
  };
  for (const { entries, findings, campaigns } of images) {
    for (const [name, text] of entries) least(out.entries, name, text);
    for (const [name, text] of campaigns) least(out.campaigns, name, text);
    for (const [name, files] of findings) {
      const known = out.findings.get(name);
      out.findings.set(name, known === undefined ? files : shorter(known, files));
    }
  }
  return { entries: sorted(out.entries), findings: sorted(out.findings), campaigns: sorted(out.campaigns) };
}
