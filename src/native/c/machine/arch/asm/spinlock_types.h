/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../../arch/asm/spinlock_types.h"
