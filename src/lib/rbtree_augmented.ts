// SPDX-License-Identifier: GPL-2.0-only
/** include/linux/rbtree_augmented.h, lib/rbtree.c (6.12.117). */

/** struct rb_node: links are indices of the owning records, -1 for NULL; colour 0 red, 1 black, as in C. */
export interface rb_node {
  parent: number;
  color: number;
  rb_right: number;
  rb_left: number;
  /** RB_EMPTY_NODE(): 1 when in no tree */
  empty: number;
}
/** struct rb_root_cached */
export interface rb_root_cached {
  rb_node: number;
  rb_leftmost: number;
}
