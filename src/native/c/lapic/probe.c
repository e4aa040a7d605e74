/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled once, for its errors: a line that fails names what the tree does not have. */
#include <linux/kvm_host.h>
#define PROBE_MEMBER(name, type, member) int probe_##name(struct type *p) { return sizeof(p->member); }
#define PROBE_CALL(name, call) void probe_##name(void) { call; }

PROBE_MEMBER(hrtimer_state, hrtimer, state)
PROBE_CALL(hrtimer_setup, hrtimer_setup((struct hrtimer *)0, 0, 0, 0))
