// SPDX-License-Identifier: GPL-2.0-only
/** vcpu_is_preempted() of arm64 as openEuler ships it. */
import { defineSeriesArm64 } from '../series-arm64.js';
import host, { type HostAdds } from './0001-KVM-arm64-Support-pvsched-preempted-via-shared-struct.js';
import guest, { type GuestAdds } from './0002-KVM-arm64-Support-the-vCPU-preemption-check.js';

export default defineSeriesArm64<HostAdds & GuestAdds>({
  id: 'preempted-openeuler',
  title: 'arm64: vcpu_is_preempted() as openEuler ships it',
  base: 'v6.12.117-arm64',
  patches: [host, guest],
});
