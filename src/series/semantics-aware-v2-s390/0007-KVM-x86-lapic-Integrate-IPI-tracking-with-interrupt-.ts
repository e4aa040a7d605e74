// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v2 7/9] KVM: x86/lapic: Integrate IPI tracking with interrupt delivery: all of it is x86's. */
import type { Patch } from '../series.js';

export default { subject: 'KVM: x86/lapic: Integrate IPI tracking with interrupt delivery' } satisfies Patch;
