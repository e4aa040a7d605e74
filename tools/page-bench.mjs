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
  page.evaluate(
    ([name, times]) => {
      /** @type {number[]} */
      const ms = [];
      const one = () =>
        new Promise((done) => {
          const from = performance.now();
          document.body.dispatchEvent(new KeyboardEvent('keydown', { key: String(name), bubbles: true }));
          requestAnimationFrame(() => {
            // behind what this frame draws
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => done(ms.push(performance.now() - from));
            port2.postMessage(0);
          });
        });
      return (async () => {
        for (let i = 0; i < Number(times); i++) {
          await one();
          await new Promise((done) => setTimeout(done, 30));
        }
        return ms;
      })();
    },
    [key, STEPS],
  );

const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
if (process.env.PROF) await cdp.send('Profiler.enable');
/** s of CPU that the main thread has worked. */
const worked = async () => {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
};

await page.goto('about:blank');
for (let i = 0; i < 3; i++) {
  await page.goto(url);
  await page.waitForSelector('#tracks canvas');
  const first = await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))),
  );
  await page.waitForFunction(
    () => /^(?!.*(recording|running)).*$/s.test(document.querySelector('#tracks h2')?.textContent ?? 'recording'),
    undefined,
    { timeout: 120_000 },
  );
  const whole = await page.evaluate(() => performance.now());
  console.log(`first picture ${Number(first).toFixed(0)} ms, all recorded ${whole.toFixed(0)} ms`);
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
    await page.evaluate(
      ([where, n]) => {
        location.hash = location.hash.replace(/&e=\d+(&s=\d+)?/, `&e=${where === 'begin' ? 200 : Number(n) / 2}`);
      },
      [at, EVENTS],
    );
    await page.waitForTimeout(2500);
    if (process.env.PROF && at === 'middle') {
      await cdp.send('Profiler.start');
    }
    const before = await worked();
    const ms = await stepped(key);
    console.log(
      `${words}, ${at}: ${((((await worked()) - before) / STEPS) * 1000).toFixed(1)} ms of the main thread each; with everything else on this machine ${told(ms)}`,
    );
    if (process.env.PROF && at === 'middle') {
      const { profile } = await cdp.send('Profiler.stop');
      writeFileSync('/tmp/pg/prof-' + key + '.json', JSON.stringify(profile));
    }
  }
}
await browser.close();
rmSync(dir, { recursive: true, force: true });
