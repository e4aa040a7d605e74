/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel/sched/build_policy.c of the tree, and what the driver calls among its static functions. */
#include "kernel/sched/build_policy.c"
#include "native.h"

native_u64 native_decay_load(native_u64 val, native_u64 n)
{
  return decay_load(val, n);
}

unsigned int native_accumulate_pelt_segments(native_u64 periods, unsigned int d1, unsigned int d3)
{
  return __accumulate_pelt_segments(periods, d1, d3);
}
