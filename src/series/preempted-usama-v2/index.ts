// SPDX-License-Identifier: GPL-2.0-only
/** arm64: vcpu_is_preempted() picked up again, v2 of 2022. */
import { defineSeriesArm64 } from '../series-arm64.js';
import calls from './0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';
import host, { type HostAdds } from './0003-KVM-arm64-Support-pvlock-preempted-via-shared-structu.js';
import attributes, { type AttrAdds } from './0004-KVM-arm64-Provide-VCPU-attributes-for-PV-lock.js';
import guest, { type GuestAdds } from './0005-KVM-arm64-Support-the-VCPU-preemption-check.js';

export default defineSeriesArm64<HostAdds & AttrAdds & GuestAdds>({
  id: 'preempted-usama-v2',
  title: 'arm64: vcpu_is_preempted() picked up again, v2 of 2022',
  base: 'v6.12.117-arm64',
  cover: '20221104062105.4119003-1-usama.arif@bytedance.com',
  patches: [calls, host, attributes, guest],
});
