// SPDX-License-Identifier: GPL-2.0-only
/** The pin, 6.12.117, built for s390: the functions that every architecture has, and s390's. */
import { type Kernel, tableOf } from '../vmlinux/bind.js';
import * as modules from '../vmlinux/modules.js';
import * as s390 from '../vmlinux/modules-s390.js';
import type { vmlinux_s390 } from '../vmlinux/vmlinux-s390.js';

export const linux_6_12_s390: Kernel<vmlinux_s390> = Object.freeze({
  name: 'v6.12.117-s390',
  arch: 's390',
  table: tableOf(modules, s390),
});
