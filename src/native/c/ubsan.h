/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_UBSAN_H
#define NATIVE_UBSAN_H
#define UBSAN_MAX_REPORTS 256
struct ubsan_report {
  const char *file, *kind, *type;
  unsigned int line, column;
  unsigned long count;
  long long left, right;
  /* number of the operation in its batch */
  unsigned long operation;
};
extern struct ubsan_report ubsan_reports[UBSAN_MAX_REPORTS];
extern int ubsan_nr_reports;
extern unsigned long ubsan_operation;
#endif
