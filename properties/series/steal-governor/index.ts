// SPDX-License-Identifier: GPL-2.0-only
/** Claims on preferred CPUs and the steal governor, with verdicts that were seen. */
export { claims } from './claims.js';
export { recorded } from './recorded.js';
