/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_UAPI_BITSPERLONG_H
#define NATIVE_UAPI_BITSPERLONG_H
#define __BITS_PER_LONG 64
#include <asm-generic/bitsperlong.h>
#endif
