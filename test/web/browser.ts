// SPDX-License-Identifier: GPL-2.0-only
/** A real browser for the page: $CHROMIUM, or where Debian's package puts it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { numbers } from '../../src/base/source-map.js';
import { pageWith } from '../../src/cli/page-file.js';
import type { PageTarget } from '../../src/step/page-data.js';
import { bundlePage } from '../../tools/page.mjs';

export const executablePath =
  [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
    (it) => it !== undefined && it !== '' && existsSync(it),
  ) ?? null;

export const why = 'no chromium: install the package chromium, or set CHROMIUM';

export interface Opened {
  page: Page;
  /** errors of the page and what it asked of anybody */
  complaints: string[];
}

export class Pages {
  private readonly dir = mkdtempSync(join(tmpdir(), 'kvmodel-page-'));
  private browser: Browser | null = null;

  async start(): Promise<void> {
    const faults = await bundlePage(numbers);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    // WHY no sandbox: it takes rights that a container has not
    this.browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
  }

  async end(): Promise<void> {
    await this.browser?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The page as `export` writes it; its address. */
  exported(name: string, target: PageTarget | null): string {
    return this.written(name, pageWith({ target }).html);
  }

  written(name: string, html: string): string {
    const file = join(this.dir, `${name}.html`);
    writeFileSync(file, html);
    return pathToFileURL(file).href;
  }

  async open(url: string, look: { width?: number; dark?: boolean } = {}): Promise<Opened> {
    if (this.browser === null) throw new Error('no browser was started');
    const page = await this.browser.newPage({
      viewport: { width: look.width ?? 1440, height: 900 },
      colorScheme: look.dark === true ? 'dark' : 'light',
    });
    const complaints: string[] = [];
    page.on('pageerror', (e) => complaints.push(String(e)));
    page.on('console', (it) => {
      if (it.type() === 'error') complaints.push(it.text());
    });
    page.on('request', (it) => {
      if (!/^(file|data):/.test(it.url()) && it.url().split('#')[0] !== url.split('#')[0])
        complaints.push(`asks ${it.url()}`);
    });
    await page.goto(url);
    await page.waitForSelector('main.run, main.gallery');
    return { page, complaints };
  }
}
