// SPDX-License-Identifier: GPL-2.0-only
/** The page in a real browser. */
import { get } from 'node:http';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { kvmodel } from '../../src/cli/kvmodel.js';
import { pageWith } from '../../src/cli/page-file.js';
import type { Counterexample } from '../../src/report/check-report.js';
import { pageVerdicts } from '../../src/report/page-verdicts.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import type { PageTarget } from '../../src/step/page-data.js';
import { exampleReport } from '../report/fixture.js';
import { executablePath, Pages, why } from './browser.js';

const spinners: PageTarget = {
  title: 'two-spinners',
  kernel: 'v6.12.117',
  scenario: namedScenario('two-spinners') as Scenario,
  events: null,
  limit: 10_000,
};

/** As check finds it. */
const refuted: Counterexample = {
  property: 'A12.1',
  kernel: 'v6.19-rc1+semantics-aware-v2',
  message: 'vCPU 1 ends 0x40, and an IPI that it does not answer is awaited no more',
  scenario: {
    base_slice: 2_800_000,
    cpus: 2,
    hz: 250,
    vms: [{ cpus: [[0], [1]], name: 'vm', vcpus: 2, x2apic: true }],
    vruntime_offset: '1000000000',
  },
  events: [
    { cpu: 0, ev: 'ipi', to: 1, vector: 64 },
    { cpu: 0, ev: 'ipi', to: 1, vector: 81 },
    { cpu: 1, ev: 'eoi' },
  ],
  transcript: [],
  replay: 'kvmodel replay k1...',
  foundAt: 3,
};

const pages = new Pages();
/** What the page says of where it is. */
const where = async (page: Page): Promise<string> => (await page.textContent('.where')) ?? '';
const title = async (page: Page, panel: string): Promise<string> => (await page.textContent(`#${panel} h2`)) ?? '';
/** The address is told once the page stands still. */
const address = async (page: Page, part: string): Promise<string> => {
  for (;;) {
    const hash = (await page.evaluate('location.hash')) as string;
    if (hash.includes(part)) return hash;
    await page.waitForTimeout(50);
  }
};
async function find(page: Page, text: string): Promise<void> {
  await page.keyboard.press('/');
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
  await page.locator('.said', { hasText: text }).waitFor();
  await page.keyboard.press('Escape');
}

describe.skipIf(executablePath === null)(`the page (${executablePath ?? why})`, () => {
  let url = '';
  beforeAll(async () => {
    await pages.start();
    url = pages.exported('two-spinners', spinners);
  });
  afterAll(() => pages.end());

  it('steps by the keyboard alone into a call, with its source, what it changed and the queue; asks nobody', async () => {
    const { page, complaints } = await pages.open(url);
    await find(page, 'yield_to');
    expect(await title(page, 'events')).toContain('12 of 295');
    expect(await title(page, 'calls')).toMatch(/Event 12.*step 89 of \d+/);
    expect(await page.textContent('#calls .row.current')).toContain('yield_to(p=&task[1] (vm/0), preempt=true) = 1');
    await page.keyboard.press('s');
    expect(await title(page, 'calls')).toMatch(/step 90 of \d+/);
    expect(await title(page, 'source')).toMatch(/src\/sched\/syscalls\.ts:\d+kernel\/sched\/syscalls\.c: yield_to\(\)/);
    expect(await page.textContent('#source .here')).toContain('const curr = this.get_current()');
    expect(await page.textContent('#view')).toContain('spin_loop.in_spin_loop');
    await page.keyboard.press('F');
    await page.keyboard.press('f');
    await page.keyboard.press('ArrowRight');
    expect(await where(page)).toContain('before #13');
    // V moved, and the debooster's lag with it
    expect(await page.getAttribute('svg.queue', 'aria-label')).toMatch(/vm\/0.*lag -?\d+ ns/);
    await page.keyboard.press('ArrowLeft');
    expect(await where(page)).toContain('before #12');
    await page.keyboard.press('End');
    expect(await where(page)).toContain('(end)');
    await page.keyboard.press('Home');
    expect(await where(page)).toContain('0 ns');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('comes back to a place by its link, and says what an old one misses', async () => {
    const { page } = await pages.open(`${url}#v=1&t=two-spinners&k=v6.12.117&e=12&s=89`);
    expect(await title(page, 'calls')).toMatch(/step 89 of \d+/);
    await page.keyboard.press('s');
    expect(await address(page, 's=90')).toBe('#v=1&t=two-spinners&k=v6.12.117&e=12&s=90');
    await page.goto(`${url}#v=1&t=two-spinners&k=v5.0&a=gone&seed=7&e=9000&z=1`);
    const notice = page.locator('.notice');
    await notice.waitFor();
    const words = await notice.textContent();
    for (const part of ['kernel v5.0', 'kernel gone', 'seed 7', 'event 9000', 'says z']) expect(words).toContain(part);
    await page.close();
  });

  it('takes an event out and another one in, and restores the run', async () => {
    const { page } = await pages.open(`${url}#v=1&t=two-spinners&k=v6.12.117&e=11`);
    await page.keyboard.press('t');
    expect(await title(page, 'events')).toContain('of 294, 1 out');
    await page.keyboard.press('4');
    await page.click('#view button:text-is("tick")');
    expect(await title(page, 'events')).toContain('12 of 295, 1 out, 1 put in');
    const link = await address(page, 'e=12');
    expect(decodeURIComponent(link)).toContain('x=-11&x=+11{"ev":"tick","cpu":0}');
    const again = await pages.open(`${url}${link}`);
    expect(await title(again.page, 'events')).toContain('12 of 295, 1 out, 1 put in');
    await again.page.close();
    await page.keyboard.press('r');
    expect(await title(page, 'events')).toMatch(/of 295$/);
    await page.close();
  });

  it('holds two kernels against each other', async () => {
    const { page, complaints } = await pages.open(
      `${url}#v=1&t=two-spinners&k=v6.19-rc1&a=v6.19-rc1%2Bpre-forfeit&view=kernels`,
    );
    const hint = page.locator('#view .hint');
    await page.locator('#view .hint', { hasText: 'part at' }).waitFor();
    const [, first] = /part at (\d+)/.exec((await hint.textContent()) ?? '') ?? [];
    await page.keyboard.press('d');
    await page.locator('.said', { hasText: 'from here on' }).waitFor();
    expect(await title(page, 'events')).toContain(`${first} of`);
    expect(await page.textContent('#view caption')).toMatch(/\d+ fields differ/);
    expect(await page.textContent('#events .row.current')).toContain('differs');
    // both kernels' tracks, queues and calls
    expect(await page.locator('#tracks h3').allTextContents()).toEqual(['v6.19-rc1', 'v6.19-rc1+pre-forfeit']);
    expect(await page.locator('#tracks .picture').count()).toBe(2);
    expect(await page.locator('#queue svg.queue').count()).toBe(2);
    // the event that they part in: both calls up to there, and the step is marked on both sides
    await page.keyboard.press('ArrowLeft');
    await page.locator('#beside h2', { hasText: 'parts at step' }).waitFor();
    const [, parts] = /parts at step (\d+)/.exec(await title(page, 'beside')) ?? [];
    for (let i = 0; i < 4; i++) await page.keyboard.press('s');
    const at = async (list: string): Promise<string> => (await page.textContent(`#${list} .row.current`)) ?? '';
    expect(await at('calls')).toBe(await at('beside'));
    await page.evaluate(`location.hash = location.hash.replace(/&s=\\d+|$/, '&s=${parts}')`);
    await page.locator('#calls h2', { hasText: `step ${parts} of` }).waitFor();
    expect(await page.locator('#calls .row.parted').count()).toBe(1);
    expect(await page.locator('#beside .row.parted').count()).toBe(1);
    await page.evaluate(axe.source);
    expect(await page.evaluate('axe.run().then((it) => it.violations.map(({ id }) => id))')).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('has nothing for axe to say, in light, dark and narrow, and in each view', async () => {
    for (const look of [{}, { dark: true }, { width: 400 }]) {
      const { page } = await pages.open(`${url}#v=1&t=two-spinners&k=v6.12.117&e=12&s=89`, look);
      // by the debugger's door, which the page's policy does not close
      await page.evaluate(axe.source);
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect(wide).toBe(0);
      for (const key of ['1', '2', '3', '4', '5', '?']) {
        await page.keyboard.press(key);
        await page.waitForTimeout(key === '3' ? 300 : 30);
        const found = (await page.evaluate(
          'axe.run().then((it) => it.violations.map(({ id, nodes }) => [id, nodes[0].html].join(": ")))',
        )) as string[];
        expect(found, `${JSON.stringify(look)} ${key}`).toEqual([]);
      }
      await page.close();
    }
  });

  it('shows what check found, each counterexample a click away', async () => {
    const report = exampleReport();
    const [, found] = report.claims;
    Object.assign(found.properties[0], { id: refuted.property, counterexample: refuted });
    const { html } = pageWith({ target: null, verdicts: pageVerdicts(report) });
    const { page, complaints } = await pages.open(pages.written('verdicts', html));
    expect(await page.textContent('.verdicts .refuted')).toBe('refuted');
    await page.click('.refutation button');
    await page.waitForSelector('main.run');
    await page.keyboard.press('3');
    expect(await page.textContent('.properties .own')).toContain('ends 0x40');
    await page.click('.properties .own .broken');
    expect(await where(page)).toContain('before #3');
    expect(await address(page, 'e=3')).toMatch(/t=%3D[0-9a-f]{8}&/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('begins with a gallery where nothing is named, and opens what is clicked', async () => {
    expect(pageWith({ target: null }).html.length).toBeLessThan(1_500_000);
    const { page, complaints } = await pages.open(pages.exported('gallery', null));
    await page.click('.gallery button:has-text("wfi-alone")');
    await page.waitForSelector('main.run');
    expect(await page.textContent('.bar .target')).toBe('wfi-alone');
    await page.keyboard.press('g');
    await page.waitForSelector('main.gallery');
    await page.evaluate(axe.source);
    expect(await page.evaluate('axe.run().then((it) => it.violations.map(({ id }) => id))')).toEqual([]);
    // a refuted claim, to what breaks it, and by its link again
    await page.click('.gallery button:has-text("A12.1")');
    await page.waitForSelector('main.run');
    await page.keyboard.press('3');
    await page.click('.properties .own .broken');
    expect(await where(page)).toMatch(/before #\d+ \(end\)/);
    const link = await address(page, 'view=properties');
    const again = await pages.open(`${pages.exported('gallery', null)}${link}`);
    expect(await again.page.textContent('.bar .target')).toBe('A12.1 of semantics-aware-v2');
    expect(await again.page.locator('.notice').count()).toBe(0);
    await again.page.close();
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** What a server says to a request; `host` as a client may claim it. */
function asked(port: number, path: string, host: string): Promise<{ code: number; policy: string; length: number }> {
  return new Promise((resolve, fail) => {
    get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      let length = 0;
      response.on('data', (bytes: Buffer) => {
        length += bytes.length;
      });
      response.on('end', () => {
        const policy = String(response.headers['content-security-policy'] ?? '');
        resolve({ code: response.statusCode ?? 0, policy, length });
      });
    }).on('error', fail);
  });
}

describe('serve', () => {
  it('gives the page to this machine alone, under a policy that lets no code in', async () => {
    let end = (_: number): void => undefined;
    let said = (_: string): void => undefined;
    const url = new Promise<string>((resolve) => {
      said = resolve;
    });
    const io: Io = {
      out: (text) => said(text),
      err: () => undefined,
      errIsTty: false,
      cwd: process.cwd(),
      invocation: 'kvmodel',
      env: {},
      stdin: async () => '',
      onInterrupt: () => ({
        happened: new Promise((resolve) => {
          end = resolve;
        }),
        done: () => undefined,
      }),
    };
    const code = kvmodel(['serve', 'two-spinners'], io);
    const [, port] = /^http:\/\/127\.0\.0\.1:(\d+)\/\n$/.exec(await url) ?? [];
    const own = `127.0.0.1:${port}`;
    const page = await asked(Number(port), '/', own);
    expect(page.code).toBe(200);
    expect(page.length).toBeLessThan(1_500_000);
    expect(page.policy).toMatch(/^default-src 'none'; script-src 'sha256-\S+' 'sha256-\S+'; style-src 'sha256-\S+';/);
    expect(page.policy).not.toContain('unsafe');
    expect((await asked(Number(port), '/', 'evil.example')).code).toBe(421);
    expect((await asked(Number(port), '/../etc/passwd', own)).code).toBe(404);
    end(130);
    expect(await code).toBe(0);
  });
});
