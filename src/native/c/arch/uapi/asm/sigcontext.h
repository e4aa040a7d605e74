/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_UAPI_SIGCONTEXT_H
#define NATIVE_UAPI_SIGCONTEXT_H
struct sigcontext {
  unsigned long unused;
};
#endif
