// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/** Takes the pictures of the page that the documentation shows: node tools/pictures.mjs, after npm run compile. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { OUT, ROOT } from './outdated.mjs';

const PICTURES = join(ROOT, 'docs/pictures');

const dir = mkdtempSync(join(tmpdir(), 'kvmodel-pictures-'));
const file = join(dir, 'page.html');
const exported = spawnSync(
  process.execPath,
  [join(OUT, 'src/cli/main.js'), 'export', 'two-spinners', '--html', '-o', file],
  { stdio: 'inherit' },
);
if (exported.status !== 0) process.exit(exported.status ?? 1);
mkdirSync(PICTURES, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 760 }, colorScheme: 'light' });
await page.goto(`${pathToFileURL(file).href}#v=1&t=two-spinners&k=v6.12.117&e=12&s=90`);
await page.waitForSelector('main.run');
await page.waitForTimeout(1000);
await page.screenshot({ path: join(PICTURES, 'page.png') });
await browser.close();
rmSync(dir, { recursive: true, force: true });
