// SPDX-License-Identifier: GPL-2.0-only
/** What check found, as the page shows it: the table, and each counterexample to step through. */
import { kernelByName } from '../series/registry.js';
import type { CheckReport, Counterexample, PropertyResult } from './check-report.js';
import { summary } from './verdicts.js';

/** A counterexample that a page can run. */
export interface PageCase {
  property: string;
  kernel: string;
  against?: string;
  scenario: Counterexample['scenario'];
  events: Counterexample['events'];
}

export interface PageRow {
  id: string;
  words: string;
  evidence: string;
  verdicts: CheckReport['claims'][number]['verdicts'];
  /** what refutes it: the message, how to replay it, and the run where the page has the kernel */
  refuted: { property: string; message: string; replay: string; case: PageCase | null }[];
}

export interface PageVerdicts {
  title: string;
  summary: string;
  kernels: string[];
  rows: PageRow[];
}

export function pageVerdicts(report: CheckReport): PageVerdicts {
  const rows = report.claims.map(({ id, words, evidence, verdicts, properties, unanswerable }) => ({
    id,
    words,
    evidence: unanswerable ?? evidence,
    verdicts,
    refuted: properties.flatMap(refutedBy),
  }));
  return { title: report.title, summary: summary(report), kernels: report.kernels, rows };
}

function refutedBy({ id, counterexample: c }: PropertyResult): PageRow['refuted'] {
  if (c === undefined) return [];
  const { kernel, against, scenario, events, message, replay } = c;
  const isHere = [kernel, ...(against === undefined ? [] : [against])].every(isKnown);
  const steppable = { property: id, kernel, scenario, events, ...(against === undefined ? {} : { against }) };
  return [{ property: id, message, replay, case: isHere ? steppable : null }];
}

/** A kernel made from a user's file is in no page. */
function isKnown(kernel: string): boolean {
  try {
    kernelByName(kernel);
    return true;
  } catch {
    return false;
  }
}
