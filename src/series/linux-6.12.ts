// SPDX-License-Identifier: GPL-2.0-only
/** The pin, 6.12.117, built for x86: every mirrored function, in one frozen table. */
import { type Kernel, tableOf } from '../vmlinux/bind.js';
import * as modules from '../vmlinux/modules.js';
import * as x86 from '../vmlinux/modules-x86.js';

/** The kernel that every release and every series goes back to. */
export const linux_6_12: Kernel = Object.freeze({ name: 'v6.12.117', table: tableOf(modules, x86) });
