// SPDX-License-Identifier: GPL-2.0-only
/** arm64: vcpu_is_preempted() by a structure of the guest, v1 of 2019. */
import { defineSeriesArm64 } from '../series-arm64.js';
import features from './0002-KVM-arm64-Implement-PV_LOCK_FEATURES-call.js';
import host, { type HostAdds } from './0003-KVM-arm64-Support-pvlock-preempted-via-shared-structu.js';
import asked, { type Adds as AskedAdds } from './0004-KVM-arm64-Add-interface-to-support-vcpu-preempted-check.js';
import guest, { type Adds } from './0005-KVM-arm64-Support-the-vcpu-preemption-check.js';

export default defineSeriesArm64<HostAdds & AskedAdds & Adds>({
  id: 'preempted-zengruan-v1',
  title: 'arm64: vcpu_is_preempted() by a structure of the guest, v1 of 2019',
  base: 'v6.12.117-arm64',
  cover: '20191217135549.3240-1-yezengruan@huawei.com',
  patches: [features, host, asked, guest],
});
