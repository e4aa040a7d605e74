/* SPDX-License-Identifier: GPL-2.0-only */
/* No clock of this architecture can be read from user space. */
