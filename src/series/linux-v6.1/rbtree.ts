// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/rbtree.h, lib/rbtree.c (v6.1): the tree of CFS, ordered by vruntime and without augmentation: what the pin's tree does
 * to augmented values is nothing here. Held against the C code of 6.1.192.
 */
import type { rb_root_cached } from '../../lib/rbtree_augmented.js';
import type { vmlinux_6_1 } from './adds.js';

/** include/linux/rbtree.h: rb_add_cached(): equals go right, so that they are first in, first out. */
export function rb_add_cached(this: vmlinux_6_1, node: number, tree: rb_root_cached): void {
  this.rb_add_augmented_cached(node, tree);
}

/** include/linux/rbtree.h: rb_erase_cached() */
export function rb_erase_cached(this: vmlinux_6_1, node: number, root: rb_root_cached): void {
  this.rb_erase_augmented_cached(node, root);
}

/** lib/rbtree.c: dummy_propagate(), under the name that the pin's tree calls it by. */
export function min_vruntime_cb_propagate(this: vmlinux_6_1, _rb: number, _stop: number): void {}

/** lib/rbtree.c: dummy_copy(), likewise. */
export function min_vruntime_cb_copy(this: vmlinux_6_1, _rb_old: number, _rb_new: number): void {}

/** lib/rbtree.c: dummy_rotate(), likewise. */
export function min_vruntime_cb_rotate(this: vmlinux_6_1, _rb_old: number, _rb_new: number): void {}
