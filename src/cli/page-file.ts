// SPDX-License-Identifier: GPL-2.0-only
/** The page as a file: what was bundled, with something to step through put in. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defined } from '../base/defined.js';
import { reject } from '../base/faults.js';
import { VERSION } from '../base/version.js';
import { looksLikeFile } from '../loader/files.js';
import type { PageData, PageTarget } from '../step/page-data.js';
import type { Io } from './io.js';
import { kernelsOf, targetOf } from './step-target.js';

const EMPTY = '<script type="application/json" id="data">null</script>';

/** Beside the compiled modules; run from its sources, in dist. */
function bundled(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const found = ['../../web/page.html', '../../dist/web/page.html'].map((it) => resolve(here, it)).find(existsSync);
  if (found === undefined)
    reject(
      'kvmodel',
      'page-missing',
      'dist/web/page.html',
      'the page, which npm ci and npm run compile make',
      'no such file',
    );
  return readFileSync(found, 'utf8');
}

/** The whole page; the policy that stands in it is what a server has to send. */
export function pageWith(data: Omit<PageData, 'schema' | 'version'>): { html: string; policy: string } {
  const page = bundled();
  const whole: PageData = { schema: 'kvmodel-page-1', version: VERSION, ...data };
  // WHY: a name may hold </script>
  const json = JSON.stringify(whole).replaceAll('<', '\\u003c');
  const html = page.replace(EMPTY, () => EMPTY.replace('null', () => json));
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  return { html, policy };
}

/** What is named on a command line, for the page. Throws BadInput for what only files of the user's say. */
export async function pageTarget(
  name: string,
  flags: { kernel?: string; against?: string },
  limit: number,
  io: Io,
): Promise<PageTarget> {
  const target = await targetOf(name, io);
  const { case: c, scenario, events } = target;
  const own = [flags.kernel ?? '', flags.against ?? ''].filter(looksLikeFile);
  if (own.length > 0 || c?.patch !== undefined)
    reject(
      'command line',
      'usage',
      own.length > 0 ? '--kernel, --against' : name,
      'kernels and series of `kvmodel list`: the page runs what it carries, and a file of yours it does not; `kvmodel step` takes it',
      own[0] ?? `a kernel made from ${c?.patch}`,
    );
  const { kernel, other } = await kernelsOf(target, flags, io);
  return {
    title: c === null ? (scenario.name ?? name) : c.property,
    kernel: kernel.name,
    scenario,
    events,
    limit,
    ...defined({ against: other?.name, property: c?.property, int64: c?.int64 }),
  };
}
