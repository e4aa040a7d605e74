// SPDX-License-Identifier: GPL-2.0-only
/** arm64: vcpu_is_preempted() by a structure that the VMM places, v2 of 2019. */
import { defineSeriesArm64 } from '../series-arm64.js';
import calls from './0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';
import host, { type HostAdds } from './0003-KVM-arm64-Support-pvlock-preempted-via-shared-structu.js';
import attributes, { type AttrAdds } from './0004-KVM-arm64-Provide-vcpu-attributes-for-PV-lock.js';
import asked, { type Adds } from './0005-KVM-arm64-Add-interface-to-support-VCPU-preempted-check.js';
import guest, { type GuestAdds } from './0006-KVM-arm64-Support-the-VCPU-preemption-check.js';

export default defineSeriesArm64<HostAdds & AttrAdds & Adds & GuestAdds>({
  id: 'preempted-zengruan-v2',
  title: 'arm64: vcpu_is_preempted() by a structure that the VMM places, v2 of 2019',
  base: 'v6.12.117-arm64',
  cover: '20191226135833.1052-1-yezengruan@huawei.com',
  patches: [calls, host, attributes, asked, guest],
});
