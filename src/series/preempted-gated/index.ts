// SPDX-License-Identifier: GPL-2.0-only
/** The flag of vcpu_is_preempted() where vcpu->preempted is set, and nowhere else. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch from './0001-KVM-arm64-Only-a-preempted-vCPU-is-told-to-be.js';

export default defineSeriesArm64({
  id: 'preempted-gated',
  title: 'KVM: arm64: a flag of preemption gated on vcpu->preempted',
  base: 'preempted-rfc-2020',
  patches: [patch],
});
