// SPDX-License-Identifier: GPL-2.0-only
/** What several campaigns did together. */

/** As fuzz writes it, as far as it is added up. */
export interface CampaignRecord {
  runs: number;
  events: number;
  branches: readonly string[];
}

export function addedUp(records: readonly CampaignRecord[]): {
  campaigns: number;
  runs: number;
  events: number;
  branches: number;
} {
  return {
    campaigns: records.length,
    runs: records.reduce((sum, it) => sum + it.runs, 0),
    events: records.reduce((sum, it) => sum + it.events, 0),
    branches: new Set(records.flatMap((it) => it.branches)).size,
  };
}
