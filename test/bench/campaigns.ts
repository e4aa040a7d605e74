// SPDX-License-Identifier: GPL-2.0-only
/** What a campaign and a search cost: the command itself, its rate once everything is compiled. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KVMODEL = fileURLToPath(new URL('../../../bin/kvmodel.mjs', import.meta.url));
const EVENTS = 600_000;
const STATES = 60_000;

interface Curve {
  curve: { events: number; seconds: number }[];
}

/** Events a second in the second half: V8 has compiled by then. */
function rateOf(more: readonly string[]): number {
  const argv = [KVMODEL, 'fuzz', 'v6.12.117', '--events', String(EVENTS), '--json', ...more];
  const { stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8', maxBuffer: 1 << 28 });
  const { curve } = JSON.parse(stdout) as Curve;
  const [middle, end] = [curve[curve.length >> 1], curve[curve.length - 1]];
  return (end.events - middle.events) / Math.max(0.1, end.seconds - middle.seconds);
}

const shown = (rate: number): string => Math.round(rate).toLocaleString('en');

function searchRate(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'kvmodel-bench-')), 'm.json');
  writeFileSync(
    file,
    JSON.stringify({ cpus: 1, vruntime_offset: '1000000000', tasks: [{ comm: 'a' }, { comm: 'b' }, { comm: 'c' }] }),
  );
  const began = process.hrtime.bigint();
  // a search that a bound ends says so by its exit code
  const { stdout: out } = spawnSync(
    process.execPath,
    [KVMODEL, 'explore', file, '--states', String(STATES), '--json'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    },
  );
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const { states, bytes, transitions } = JSON.parse(out) as { states: number; bytes: number; transitions: number };
  return `${shown(states / seconds)} states/s, ${shown(transitions / seconds)} transitions/s, ${Math.round(bytes / states)} bytes a state`;
}

export function benchCampaigns(): void {
  const guided = rateOf(['--jobs', '1']);
  const blind = rateOf(['--jobs', '1', '--blind']);
  const two = rateOf(['--jobs', '2']);
  console.log(`\nfuzz, one thread, everything asked, invariants after each event: ${shown(guided)} events/s`);
  console.log(
    `the same without guidance: ${shown(blind)} events/s; guidance takes ${Math.round(100 * (1 - guided / blind))} %`,
  );
  console.log(`two threads: ${(two / guided).toFixed(2)} times one`);
  console.log(`explore, 3 tasks on a CPU: ${searchRate()}`);
}
