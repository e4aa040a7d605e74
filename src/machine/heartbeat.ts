// SPDX-License-Identifier: GPL-2.0-only
/**
 * Events that were applied, for somebody outside who wants to know whether this thread still gets anywhere. apply() counts them:
 * properties run machines of their own.
 */

/** `counts[0]`; a thread that is watched has it in memory that it shares. */
export const heartbeat: { counts: Int32Array } = { counts: new Int32Array(1) };
