// SPDX-License-Identifier: GPL-2.0-only
/** The pin, 6.12.117, built for arm64: the functions that every architecture has, and arm64's. */
import { type Kernel, tableOf } from '../vmlinux/bind.js';
import * as modules from '../vmlinux/modules.js';
import * as arm64 from '../vmlinux/modules-arm64.js';
import type { vmlinux_arm64 } from '../vmlinux/vmlinux-arm64.js';

export const linux_6_12_arm64: Kernel<vmlinux_arm64> = Object.freeze({
  name: 'v6.12.117-arm64',
  arch: 'arm64',
  table: tableOf(modules, arm64),
});
