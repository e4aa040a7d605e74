// SPDX-License-Identifier: GPL-2.0-only
/** A check report as JSON: complete, keys sorted, the same bytes for the same seed. Described in docs/json.md. */
import { stableJson } from '../base/stable-json.js';
import type { CheckReport } from './check-report.js';

export const CHECK_SCHEMA = 'kvmodel-check-1';

/** Members that are absent in the report are null where a reader would look for them. */
export function reportJson(report: CheckReport): string {
  const claims = report.claims.map((claim) => ({
    ...claim,
    counterexample: claim.counterexample ?? null,
    unanswerable: claim.unanswerable ?? null,
    properties: claim.properties.map((p) => ({
      ...p,
      counterexample: p.counterexample ?? null,
      witness: p.witness ?? null,
    })),
  }));
  return `${stableJson({ schema: CHECK_SCHEMA, ...report, claims }, 2)}\n`;
}
