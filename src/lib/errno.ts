// SPDX-License-Identifier: GPL-2.0-only
/** include/uapi/asm-generic/errno-base.h, errno.h: the numbers that mirrored functions return, positive as there. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENXIO = 6;
export const EINVAL = 22;
export const ENOSPC = 28;
export const EREMOTE = 66;
export const EOPNOTSUPP = 95;
export const EIO = 5;
export const ERANGE = 34;
export const EFAULT = 14;
export const ENOTTY = 25;
export const EWOULDBLOCK = EAGAIN;
