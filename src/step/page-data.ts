// SPDX-License-Identifier: GPL-2.0-only
/** What a page is given to step through. The kernels themselves are in the page, so a run is its scenario and its events. */
import type { PageVerdicts } from '../report/page-verdicts.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';

export interface PageTarget {
  /** as it was named on the command line */
  title: string;
  /** a kernel of the registry */
  kernel: string;
  against?: string;
  /** that the run is said to break */
  property?: string;
  scenario: Scenario;
  /** null: what happens when it runs */
  events: readonly MachineEvent[] | null;
  /** events at most */
  limit: number;
  /** 64-bit arithmetic is done checked */
  int64?: 'checked';
}

export interface PageData {
  schema: 'kvmodel-page-1';
  version: string;
  /** opened at once; null: the gallery, or the verdicts */
  target: PageTarget | null;
  /** what check found */
  verdicts?: PageVerdicts;
}
