// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts that were seen, by property and kernel. */
import type { Recorded } from '../../vocabulary.js';

export const recorded: Recorded = {};
