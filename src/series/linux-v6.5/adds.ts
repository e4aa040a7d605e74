// SPDX-License-Identifier: GPL-2.0-only
/** The kernel as functions of v6.5 see it: v6.1's, but for the parameters of ttwu_do_wakeup(), which are the pin's again. */
export type { Adds, vmlinux_6_1 as vmlinux_6_5 } from '../linux-v6.1/adds.js';
