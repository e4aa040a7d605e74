// SPDX-License-Identifier: GPL-2.0-only
/** vcpu_is_preempted() of arm64, posted for merging in 2021. */
import { defineSeriesArm64 } from '../series-arm64.js';
import calls from './0001-arm64-smccc-Add-SMCCC-pv-vcpu-state-function-call-ID.js';
import guest, { type Adds as GuestAdds } from './0002-arm64-add-guest-pvstate-support.js';
import asked from './0003-arm64-do-not-use-dummy-vcpu_is_preempted.js';
import host, { type Adds as HostAdds } from './0004-arm64-add-host-pv-vcpu-state-support.js';

export default defineSeriesArm64<GuestAdds & HostAdds>({
  id: 'preempted-2021',
  title: 'arm64: kvm: vcpu_is_preempted(), v2 of 2021',
  base: 'v6.12.117-arm64',
  cover: '20210709043713.887098-1-senozhatsky@chromium.org',
  patches: [calls, guest, asked, host],
});
