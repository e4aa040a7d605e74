/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What gcc's and clang's -fsanitize=signed-integer-overflow,shift,integer-divide-by-zero,bounds call: each place is
 * kept once, with the operands of the first time and a count. The layout of the structures is the compilers' ABI.
 */
#include "ubsan.h"
#include <stddef.h>

struct place {
  const char *file;
  unsigned int line, column;
};
/* kind 0 is an integer; info is 2 * log2(bits) + signed */
struct type {
  unsigned short kind, info;
  char name[];
};
struct overflow {
  struct place place;
  struct type *type;
};
struct shift {
  struct place place;
  struct type *left, *right;
};
struct bounds {
  struct place place;
  struct type *array, *index;
};

struct ubsan_report ubsan_reports[UBSAN_MAX_REPORTS];
int ubsan_nr_reports;
unsigned long ubsan_operation;

/* Small operands come by value, larger ones by address. */
static long long value(const struct type *type, unsigned long operand)
{
  int bits = 1 << (type->info >> 1);

  if (bits > 64) return *(long long *)operand;
  if (bits == 64) return (long long)operand;
  if (type->info & 1) return (long long)(operand << (64 - bits)) >> (64 - bits);
  return (long long)(operand << (64 - bits) >> (64 - bits));
}

static void report(const struct place *place, const char *kind, const struct type *type, long long left, long long right)
{
  struct ubsan_report *r = ubsan_reports;
  int i;

  for (i = 0; i < ubsan_nr_reports; i++, r++)
    if (r->line == place->line && r->column == place->column && r->file == place->file && r->kind == kind) break;
  if (i == UBSAN_MAX_REPORTS) return;
  if (i == ubsan_nr_reports) {
    *r = (struct ubsan_report){ place->file, kind, type->name, place->line, place->column, 0, left, right, ubsan_operation };
    ubsan_nr_reports++;
  }
  r->count++;
}

#define OVERFLOW(name, kind)                                                                                       \
  void __ubsan_handle_##name(struct overflow *o, unsigned long left, unsigned long right)                          \
  {                                                                                                                \
    report(&o->place, kind, o->type, value(o->type, left), value(o->type, right));                                 \
  }
OVERFLOW(add_overflow, "+")
OVERFLOW(sub_overflow, "-")
OVERFLOW(mul_overflow, "*")
OVERFLOW(divrem_overflow, "/")

void __ubsan_handle_negate_overflow(struct overflow *o, unsigned long operand)
{
  report(&o->place, "negate", o->type, value(o->type, operand), 0);
}

void __ubsan_handle_shift_out_of_bounds(struct shift *s, unsigned long left, unsigned long right)
{
  report(&s->place, "shift", s->left, value(s->left, left), value(s->right, right));
}

void __ubsan_handle_out_of_bounds(struct bounds *b, unsigned long index)
{
  report(&b->place, "index", b->array, value(b->index, index), 0);
}
