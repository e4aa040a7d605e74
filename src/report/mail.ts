// SPDX-License-Identifier: GPL-2.0-only
/**
 * A check report as a piece of mail: plain text in 78 columns to paste into a reply to the series.
 *
 * Findings are questions about named code, each with the events that lead there. Nothing that could not be shown.
 */
import { ascii, count, wrap } from '../base/text.js';
import type { CheckReport, ClaimResult, Counterexample, PropertyResult } from './check-report.js';
import { differenceRows, nothingNoticed } from './difference-text.js';
import { measuresTable, movesOf } from './measures-table.js';
import { searched, unreachedRows } from './report-text.js';
import { counterexampleLines } from './transcript.js';
import { partsOf, refutedOtherwise, tellingVerdict, withSetting, worthShowing } from './verdicts.js';

const WIDTH = 78;

/** The whole text; ends with an empty line. */
export function reportMail(report: CheckReport): string {
  const { base, patched } = partsOf(report);
  const findings = report.claims.map((claim) => ({
    claim,
    properties: claim.properties.filter((p) => worthShowing(tellingVerdict(p, report).verdict)),
  }));
  const asked = findings.filter((f) => f.properties.length > 0);
  const lines = [
    ...wrap(
      `I ran an emulated ${base} with and without this series (${report.title}) through kvmodel ${report.version}, ` +
        `${count(report.runs, 'random run')} for each property, seed ${report.seed}.` +
        (report.partial === null
          ? ''
          : ` It was interrupted: ${report.partial.answered} of ${report.partial.asked} questions were answered.`),
      WIDTH,
    ),
    '',
    ...holding(report, patched),
    ...(asked.length === 0 ? nothingFound(report) : []),
    ...asked.flatMap((f) => claimLines(f.claim, f.properties, base, patched)),
    ...unreachedLines(report),
    ...measureLines(report),
  ];
  return `${lines.map(ascii).join('\n')}\n`;
}

function holding(report: CheckReport, patched: string): string[] {
  const ids = report.claims
    .filter((c) => c.verdicts[patched] === 'holds' && !c.id.startsWith('AR'))
    .map((c) => `"${c.words}"`);
  if (ids.length === 0) return [];
  return ['What I looked at and found to hold:', ...ids.flatMap((w) => wrap(`  ${w}`, WIDTH, '   ')), ''];
}

function claimLines(claim: ClaimResult, properties: PropertyResult[], base: string, patched: string): string[] {
  return [
    ...wrap(claim.words, WIDTH - 2).map((l) => `> ${l}`),
    '',
    ...properties.flatMap((p) => question(p, base, patched)),
  ];
}

/** Nothing is refuted: whether that says anything, and what got worse all the same. */
function nothingFound(report: CheckReport): string[] {
  const nothing = nothingNoticed(report);
  if (nothing !== null) return [...wrap(nothing, WIDTH), ''];
  const worse = movesOf(report).filter((m) => m.verdict === 'worse');
  if (worse.length === 0) return ['I found nothing that speaks against it.', ''];
  const list = worse.map((m) => `${m.name}: ${m.from} -> ${m.to}`);
  return [
    ...wrap(`No property is refuted, but these got worse, and is that intended?  ${list.join('; ')}.`, WIDTH),
    '',
  ];
}

/** Functions named in a message or in a sentence: `yield_to_deboost()`. */
function codeIn(...texts: string[]): string[] {
  const found = texts.flatMap((text) => text.match(/\b[a-z][a-z0-9_]*_[a-z0-9_]+\(\)/g) ?? []);
  return [...new Set(found)].slice(0, 3);
}

function question(p: PropertyResult, base: string, patched: string): string[] {
  const c = p.counterexample;
  const says = `"${p.says}"`;
  if (c === undefined) {
    const code = codeIn(p.says);
    const where = code.length > 0 ? ` in ${code.join(', ')}` : '';
    const text = `Can this case be reached at all${where}: ${says}?  I did not get there: ${searched(p, patched)}.`;
    return [...wrap(text, WIDTH), ...compared(p, base, 'unreachable'), ''];
  }
  const otherwise = refutedOtherwise(c.message);
  if (otherwise !== null) {
    const set = withSetting(c.kernel);
    const text = `Is this intended${set}: ${sentence(c.message)}  It came up where I asked for something else: ${says}.`;
    return [...wrap(text, WIDTH), '', ...howTo(c, base)];
  }
  const code = codeIn(c.message, p.says);
  const where = code.length > 0 ? ` in ${code.join(', ')}` : '';
  return [
    ...wrap(
      `Is it intended that this does not always hold${withSetting(c.kernel)}${where}: ${says}?  ${sentence(c.message)}`,
      WIDTH,
    ),
    ...compared(p, base, 'refuted'),
    '',
    ...howTo(c, base),
  ];
}

/** The events of a counterexample, and the command that replays them. */
function howTo(c: Counterexample, base: string): string[] {
  return [
    ...wrap(`The ${count(c.events.length, 'event')} that ${c.events.length === 1 ? 'leads' : 'lead'} there:`, WIDTH),
    '',
    ...counterexampleLines(c, base, WIDTH - 2).map((line) => `  ${line}`.trimEnd()),
    '',
    ...folded(c.replay),
    '',
  ];
}

const sentence = (text: string): string => {
  const t = text.trim();
  return /[.?!]$/.test(t) ? t : `${t}.`;
};

function compared(p: PropertyResult, base: string, verdict: string): string[] {
  const before = p.verdicts[base] === 'unpromised' ? 'refuted' : p.verdicts[base];
  if (before === 'holds') return wrap(`It holds on ${base} without the series, so this would be a regression.`, WIDTH);
  // a case that a series brings is trivially unreachable without it
  if (before === verdict && verdict === 'refuted') return wrap(`${base} does the same without the series.`, WIDTH);
  return [];
}

/** A shell command in lines of at most 78 characters, joined by backslashes: pastes as one. */
export function folded(command: string): string[] {
  const lines: string[] = [];
  let rest = command;
  while (rest.length > WIDTH) {
    lines.push(`${rest.slice(0, WIDTH - 1)}\\`);
    rest = rest.slice(WIDTH - 1);
  }
  return [...lines, rest];
}

function unreachedLines(report: CheckReport): string[] {
  if (report.unreached.length === 0) return [];
  const { folder, rows } = unreachedRows(report.unreached, WIDTH - 2);
  const where = folder === '' ? '' : ` (in ${folder})`;
  return [
    ...wrap(`Can these branches be taken?  None of my runs did${where}:`, WIDTH),
    '',
    ...rows.map((row) => `  ${row}`),
    '',
  ];
}

function measureLines(report: CheckReport): string[] {
  const rows = [...measuresTable(report), '', ...differenceRows(report)];
  return rows.length <= 1
    ? []
    : ['For the same runs, without and with the series:', '', ...rows.map((r) => `  ${r}`), ''];
}
