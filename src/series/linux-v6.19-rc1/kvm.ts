// SPDX-License-Identifier: GPL-2.0-only
/** v6.19-rc1: what virt/kvm and arch/x86/kvm do otherwise than at the pin, one entry an upstream commit. */
import type { Patch } from '../series.js';

export const kvm: Patch[] = [];
