// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/**
 * How fast the page is with 100,000 events, in a real browser: node tools/page-bench.mjs, after npm run compile. Prints the time from
 * opening the file to the first picture, until the whole run is recorded, and from a key to the next frame's work being done.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { OUT } from './outdated.mjs';

const EVENTS = 100_000;
const STEPS = 60;

/** 8 vCPUs on 4 CPUs that wait for a lock and for each other's interrupts. */
const scenario = {
  cpus: 4,
  until: 60_000_000_000,
  vms: ['a', 'b'].map((name) => ({
    name,
    vcpus: 4,
    cpus: [[0], [1], [2], [3]],
    programs: [0, 1, 2, 3].map((i) => [
      { op: 'compute', ns: 20_000 + 1000 * i },
      { op: 'lock', lock: 0 },
      { op: 'compute', ns: 5_000 },
      { op: 'unlock', lock: 0 },
      { op: 'ipi', to: (i + 1) % 4, vector: 0xf1 },
      { op: 'waitAck' },
    ]),
  })),
};

const dir = mkdtempSync(join(tmpdir(), 'kvmodel-page-bench-'));
const file = join(dir, 'page.html');
writeFileSync(join(dir, 'scenario.json'), JSON.stringify(scenario));
const made = spawnSync(
  process.execPath,
  [
    join(OUT, 'src/cli/main.js'),
    'export',
    join(dir, 'scenario.json'),
    '--events',
    String(EVENTS),
    '--html',
    '-o',
    file,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
if (made.status !== 0) process.exit(made.status ?? 1);

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const url = pathToFileURL(file).href;

/** @param {number[]} ms */
const told = (ms) => {
  const sorted = [...ms].sort((a, b) => a - b);
  return `median ${sorted[sorted.length >> 1].toFixed(1)}, p95 ${sorted[Math.floor(sorted.length * 0.95)].toFixed(1)}, most ${sorted[sorted.length - 1].toFixed(1)} ms`;
};

/**
 * ms that the browser's main thread works between a key and the frame that shows what it did.
 * @param {string} key
 */
const stepped = (key) =>
  /** @type {Promise<number[]>} */ (
    page.evaluate(`(async () => {
      const ms = [];
      const one = () =>
        new Promise((done) => {
          const from = performance.now();
          document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }));
          requestAnimationFrame(() => {
            // behind what this frame draws
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => done(ms.push(performance.now() - from));
            port2.postMessage(0);
          });
        });
      for (let i = 0; i < ${STEPS}; i++) {
        await one();
        await new Promise((done) => setTimeout(done, 30));
      }
      return ms;
    })()`)
  );

const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
/** s of CPU that the main thread has worked. */
const worked = async () => {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
};

const recorded = () => page.locator('#tracks h2', { hasNotText: 'recording' }).waitFor({ timeout: 120_000 });

await page.goto('about:blank');
for (let i = 0; i < 3; i++) {
  await page.goto(url);
  await page.waitForSelector('#tracks canvas');
  const first = await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
  );
  await recorded();
  const whole = await page.evaluate('performance.now()');
  console.log(`first picture ${Number(first).toFixed(0)} ms, all recorded ${Number(whole).toFixed(0)} ms`);
  if (i < 2) await page.goto('about:blank');
}
console.log(await page.textContent('#events h2'));
for (const [key, words] of [
  ['ArrowRight', 'to the next event'],
  ['s', 'a step'],
  ['n', 'next'],
  ['ArrowUp', 'a step back'],
  ['ArrowLeft', 'to the event before'],
]) {
  for (const at of ['begin', 'middle']) {
    const event = at === 'begin' ? 200 : EVENTS / 2;
    await page.evaluate(`location.hash = location.hash.replace(/&e=\\d+(&s=\\d+)?/, '&e=${event}')`);
    await page.waitForTimeout(300);
    await recorded();
    await page.waitForTimeout(1000);
    const before = await worked();
    const ms = await stepped(key);
    console.log(
      `${words}, ${at}: ${((((await worked()) - before) / STEPS) * 1000).toFixed(1)} ms of the main thread each; with everything else on this machine ${told(ms)}`,
    );
  }
}
await browser.close();
rmSync(dir, { recursive: true, force: true });
