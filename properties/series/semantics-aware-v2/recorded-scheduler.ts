// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts on the scheduler's half as seen with the default seed and number of runs; see docs/properties.md for why. */
import type { Recorded } from '../../vocabulary.js';

export const recorded: Recorded = {};
