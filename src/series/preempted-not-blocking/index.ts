// SPDX-License-Identifier: GPL-2.0-only
/** The flag of vcpu_is_preempted() wherever a vCPU is put that does not block. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch from './0001-KVM-arm64-A-vCPU-that-blocks-is-not-preempted.js';

export default defineSeriesArm64({
  id: 'preempted-not-blocking',
  title: 'KVM: arm64: a flag of preemption that a vCPU in WFI does not get',
  base: 'preempted-rfc-2020',
  patches: [patch],
});
