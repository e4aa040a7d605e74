// SPDX-License-Identifier: GPL-2.0-only
/** A campaign as one HTML file without scripts: what was found, how it went on, and every mirrored function line by line. */

import type { Site } from '../fuzz/branch-counts.js';
import type { Moment } from '../fuzz/campaign.js';
import { type FunctionLines, functionsIn, lineClass } from './function-lines.js';
import { type FuzzShown, standing } from './fuzz-text.js';

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] as string);

const STYLE = `body{font:14px/1.4 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#111;background:#fff}
pre{font:12px/1.35 ui-monospace,monospace;overflow-x:auto;margin:.3em 0}
.n{background:#fbdcdc}.p{background:#fff1c9}.y{background:#e2f3e2}.k{color:#666}
td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top}td.r,th.r{text-align:right}
summary{cursor:pointer}svg text{font:11px system-ui,sans-serif}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#111}.n{background:#5a2424}.p{background:#544413}.y{background:#1d3a1d}.k{color:#999}}`;

function functionHtml(f: FunctionLines, source: readonly string[]): string {
  const hit = f.sites.filter((it) => it.hit).length;
  const lines: string[] = [];
  for (let line = f.from; line <= f.to; line++) {
    const text = `${String(line).padStart(5)}  ${source[line - 1] ?? ''}`;
    lines.push(`<span class="${lineClass(f, line)}">${escaped(text)}</span>`);
  }
  const ran = hit === 0 ? 'never entered' : `${hit} of ${f.sites.length} branches`;
  return `<details><summary><code>${escaped(f.name)}()</code> <span class="k">${ran}</span></summary><pre>${lines.join('\n')}</pre></details>`;
}

/** Branches over events, as a polyline; findings as circles where they were first seen. */
export function curveSvg(curve: readonly Moment[], found: readonly number[]): string {
  const [w, h, left, bottom] = [640, 200, 50, 24];
  const x1 = Math.max(1, curve.at(-1)?.events ?? 1);
  const y1 = Math.max(1, ...curve.map((it) => it.branches));
  const x = (events: number): number => Math.round(left + (Math.min(events, x1) / x1) * (w - left - 10));
  const y = (branches: number): number => Math.round(h - bottom - (branches / y1) * (h - bottom - 10));
  const points = curve.map((it) => `${x(it.events)},${y(it.branches)}`).join(' ');
  const at = (events: number): number =>
    curve.findLast((it) => it.events <= events)?.branches ?? curve[0]?.branches ?? 0;
  const marks = found.map((it) => `<circle cx="${x(it)}" cy="${y(at(it))}" r="4" fill="#c33"/>`).join('');
  return (
    `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="branches over events" width="${w}">` +
    `<line x1="${left}" y1="${h - bottom}" x2="${w - 10}" y2="${h - bottom}" stroke="#888"/>` +
    `<line x1="${left}" y1="10" x2="${left}" y2="${h - bottom}" stroke="#888"/>` +
    `<polyline points="${points}" fill="none" stroke="#36c" stroke-width="2"/>${marks}` +
    `<text x="${left}" y="${h - 8}" fill="currentColor">0</text>` +
    `<text x="${w - 10}" y="${h - 8}" text-anchor="end" fill="currentColor">${x1} events</text>` +
    `<text x="4" y="18" fill="currentColor">${y1}</text></svg>`
  );
}

function findingsHtml({ findings, base }: FuzzShown): string {
  if (findings.length === 0) return '<p>Nothing was found in these runs. That is no proof.</p>';
  return findings
    .map(
      (f, i) =>
        `<h3>[${i + 1}] ${escaped(f.property)} in <code>${escaped(f.fn)}</code></h3><p>${escaped(f.message)}</p>` +
        `<p class="k">${escaped(f.says)}; seen ${f.seen}x, first within ${f.after} events, ${f.events.length} events left of ${f.foundAt}; ` +
        `${escaped(standing(f, base))}</p><pre>${escaped(f.replay)}</pre>`,
    )
    .join('\n');
}

/** `sourceOf`: the lines of a file; none where there are none. */
export function fuzzHtml(
  shown: FuzzShown,
  files: readonly { file: string; sites: readonly Site[] }[],
  sourceOf: (file: string) => readonly string[],
): string {
  const { summary, kernel, base, seed } = shown;
  const known = summary.knowledge.branches;
  // modules of releases and series that this kernel is not made of are loaded as well
  const own = files.filter(
    ({ file, sites }) => !file.startsWith('src/series/') || sites.some((_, i) => known.has(`${file}:${i}`)),
  );
  const body = own.map(({ file, sites }) => {
    const functions = functionsIn(file, sites, known);
    const source = sourceOf(file);
    const hit = sites.filter((_, i) => known.has(`${file}:${i}`)).length;
    return `<h3>${escaped(file)} <span class="k">${hit} of ${sites.length} branches</span></h3>${functions.map((f) => functionHtml(f, source)).join('\n')}`;
  });
  const against = base === null ? '' : `, compared with ${escaped(base)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>kvmodel fuzz ${escaped(kernel)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(kernel)}${against}</h1>
<p>${summary.runs} runs, ${summary.events} events, seed ${seed}; ${known.size} branches, ${summary.knowledge.stateCount} kinds of state.</p>
${curveSvg(
  summary.curve,
  summary.findings.map((f) => f.after),
)}
<h2>Findings</h2>
${findingsHtml(shown)}
<h2>Coverage</h2>
<p><span class="y">ran</span>, <span class="p">ran, but a branch that begins in this line never did</span>, <span class="n">never ran</span>.
A branch that never ran was not judged by anything above.</p>
${body.join('\n')}
</body></html>
`;
}
