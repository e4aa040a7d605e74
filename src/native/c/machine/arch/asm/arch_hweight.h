/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic one: the tree's calls an assembly function from within assembly. */
#include <asm-generic/bitops/arch_hweight.h>
