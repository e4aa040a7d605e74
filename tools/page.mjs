// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/**
 * Bundles the stepper page: src/web and all it imports, the kernels among it, as one HTML file that asks nobody for anything.
 *
 * The code is kept packed, unminified: names of functions and parameters are what the page shows, and the engine's stack tells in
 * which line of it a step was made. Beside it stand the mirrored sources, and which line of the code is which of theirs.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { isPageOutdated, PAGE, ROOT } from './outdated.mjs';

const ENTRY = join(ROOT, 'src/web/main.tsx');
const STYLE = join(ROOT, 'src/web/page.css');
const REFUTED = join(ROOT, 'src/web/refuted.jsonl');

/** As the engine's stack names it. */
const NAME = '/kvmodel-page.js';

/** Whose text a step can stand in. */
const SHOWN = /^src\/(sched|locking|irq|kvm|lapic|arch|lib|trace|series|machine|guest|vmlinux)\//;

/** Unpacks the code, and runs it as what the policy knows by its hash. */
const LOADER = `
window.unpacked = async (id) => {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
};
unpacked('code').then(
  (code) => document.body.append(Object.assign(document.createElement('script'), { textContent: code })),
  (fault) => { document.getElementById('page').textContent = 'This browser cannot unpack the page: ' + fault; },
);
`;

/** @param {string} text */
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** @param {string} text */
const packed = (text) => gzipSync(text, { level: 9 }).toString('base64');

/**
 * Where lines of the code come from: for each a list of (column, file, line), told where file or line change.
 * @param {string} mappings
 * @param {(source: number) => number} fileOf -1 for what is not shown
 * @param {(text: string) => number[]} numbers
 */
function placesOf(mappings, fileOf, numbers) {
  let [source, line] = [0, 0];
  return mappings.split(';').map((row) => {
    let [column, lastFile, lastLine] = [0, -1, -1];
    /** @type {number[]} */
    const places = [];
    for (const text of row === '' ? [] : row.split(',')) {
      const [dColumn, dSource, dLine] = numbers(text);
      column += dColumn;
      if (dSource === undefined) continue;
      source += dSource;
      line += dLine;
      const file = fileOf(source);
      if (file < 0 || (file === lastFile && line === lastLine)) continue;
      places.push(column, file, line + 1);
      [lastFile, lastLine] = [file, line];
    }
    return places;
  });
}

/**
 * @param {(text: string) => number[]} numbers reads a segment of a source map
 * @returns {Promise<string[]>} its faults
 */
export async function bundlePage(numbers) {
  if (!existsSync(ENTRY) || !isPageOutdated()) return [];
  // WHY not at the top: who has installed what runs, and not what builds, goes without the page
  const { rolldown } = await import('rolldown').catch(() => ({ rolldown: null }));
  if (rolldown === null) return [];
  const bundle = await rolldown({
    input: ENTRY,
    platform: 'browser',
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
  });
  const { output } = await bundle.generate({
    dir: dirname(PAGE),
    format: 'iife',
    sourcemap: true,
    comments: false,
    codeSplitting: false,
  });
  await bundle.close();
  const [{ code: raw, map }] = output;
  if (map === null) return [`${NAME}: no source map`];
  const code = `${raw.replace(/\n\/\/# source\w+=.*\s*$/, '\n')}//# sourceURL=${NAME}\n`;

  /** @type {string[]} */
  const files = [];
  const known = map.sources.map((it) => {
    const path = relative(ROOT, resolve(dirname(PAGE), it ?? '')).replaceAll('\\', '/');
    return SHOWN.test(path) ? files.push(path) - 1 : -1;
  });
  if (files.length === 0) return [`${NAME}: no mirrored source in it`];
  const texts = Object.fromEntries(files.map((it) => [it, readFileSync(join(ROOT, it), 'utf8')]));
  const places = placesOf(map.mappings, (source) => known[source], numbers);
  const style = readFileSync(STYLE, 'utf8');
  const policy = [
    "default-src 'none'",
    `script-src ${hash(LOADER)} ${hash(code)}`,
    `style-src ${hash(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>kvmodel</title>
<style>${style}</style>
</head>
<body>
<div id="page"><noscript>This page runs the emulator itself, so it needs JavaScript.</noscript></div>
<script type="application/json" id="data">null</script>
<script type="text/plain" id="sources">${packed(JSON.stringify({ files, texts, places }))}</script>
<script type="text/plain" id="refuted">${packed(readFileSync(REFUTED, 'utf8'))}</script>
<script type="text/plain" id="code">${packed(code)}</script>
<script>${LOADER}</script>
</body>
</html>
`;
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(`${PAGE}.${process.pid}`, page);
  renameSync(`${PAGE}.${process.pid}`, PAGE);
  return [];
}
