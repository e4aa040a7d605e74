// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel corpus`: what is in a folder that campaigns share. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { columns, count, quoted, wrap } from '../base/text.js';
import { addedUp, type CampaignRecord } from '../report/campaigns-text.js';
import type { Io } from './io.js';

interface Flags {
  json?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel corpus found
  kvmodel corpus /srv/corpus --json
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('corpus')
    .argument('<dir>', 'a folder that fuzz --corpus or merge wrote')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (dir: string, flags: Flags) => exit(await show(dir, flags, io)));
}

async function show(path: string, flags: Flags, io: Io): Promise<number> {
  const { CorpusDir } = await import('../loader/corpus-dir.js');
  const dir = CorpusDir.open(path, io.cwd, true);
  const read = dir.entries();
  const { campaigns } = dir.image();
  const total = addedUp([...campaigns.values()].map((text) => JSON.parse(text) as CampaignRecord));
  const findings = read.filter((it) => it.isFinding && it.entry !== null);
  const entries = read.filter((it) => !it.isFinding && it.entry !== null);
  const refused = read.filter((it) => it.entry === null);
  const byProperty = new Map<string, number>();
  for (const { entry } of entries)
    if (entry !== null) byProperty.set(entry.property, (byProperty.get(entry.property) ?? 0) + 1);
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    const shown = {
      schema: 'kvmodel-corpus-1',
      findings: findings.map(({ file, entry, kernel }) => ({ file, kernel, ...entry })),
      entries: Object.fromEntries([...byProperty].sort()),
      refused: refused.map(({ file, why }) => ({ file, why })),
      ...total,
    };
    io.out(`${stableJson(shown, 2)}\n`);
    return OK;
  }
  const lines = [
    `${count(findings.length, 'finding')}, ${count(entries.length, 'entry', 'entries')} of ${count(byProperty.size, 'property', 'properties')}`,
    `${count(total.campaigns, 'campaign')}: ${count(total.runs, 'run')}, ${count(total.events, 'event')}, ${count(total.branches, 'branch', 'branches')} of mirrored code`,
    '',
  ];
  for (const { file, entry, kernel } of findings)
    lines.push(
      `${entry?.property} on ${kernel}, ${count(entry?.events.length ?? 0, 'event')}`,
      `    ${io.invocation} replay ${quoted(`${path}/${file}`)}`,
    );
  if (findings.length > 0) lines.push('');
  const most = [...byProperty].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (most.length > 0)
    lines.push(...columns([['property', 'entries'], ...most.map(([id, n]) => [id, String(n)])], [1]));
  for (const { file, why } of refused) lines.push(...wrap(`${file} is not run: ${why}`, 80, '    '));
  io.out(`${lines.join('\n')}\n`);
  return OK;
}
