/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPU features newer trees take for granted, made by Kbuild: none. */
#define REQUIRED_MASK_BIT_SET(x) 0
#define DISABLED_MASK_BIT_SET(x) 0
