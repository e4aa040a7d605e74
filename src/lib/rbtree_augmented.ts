// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/rbtree_augmented.h, lib/rbtree.c (6.12.117).
 *
 * Mirrored: insertion and erasure with augmentation, the same rotations in the same order, because the augmented
 * values that the scheduler keeps depend on the tree's shape. A node is the id of the record around it.
 * MODEL: the one tree there is holds sched_entity::run_node, so the callbacks and the order are its own.
 */
import type { vmlinux } from '../vmlinux/vmlinux.js';

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

export const RB_RED = 0;
export const RB_BLACK = 1;
const NIL = -1;

/** include/linux/rbtree_augmented.h: rb_set_parent_color() */
export function rb_set_parent_color(this: vmlinux, rb: number, parent: number, color: number): void {
  const node = this.m.se[rb].run_node;
  node.parent = parent;
  node.color = color;
}

/** include/linux/rbtree_augmented.h: __rb_change_child() */
export function __rb_change_child(
  this: vmlinux,
  old: number,
  replacement: number,
  parent: number,
  root: rb_root_cached,
): void {
  if (parent !== NIL) {
    const node = this.m.se[parent].run_node;
    if (node.rb_left === old) node.rb_left = replacement;
    else node.rb_right = replacement;
  } else root.rb_node = replacement;
}

/** lib/rbtree.c: __rb_rotate_set_parents(): `replacement` takes over old's parent and colour, old becomes its child. */
export function __rb_rotate_set_parents(
  this: vmlinux,
  old: number,
  replacement: number,
  root: rb_root_cached,
  color: number,
): void {
  const from = this.m.se[old].run_node;
  const parent = from.parent;
  this.rb_set_parent_color(replacement, parent, from.color);
  this.rb_set_parent_color(old, replacement, color);
  this.__rb_change_child(old, replacement, parent, root);
}

/** lib/rbtree.c: __rb_insert(): rebalances after `node` was linked in red. */
export function __rb_insert(this: vmlinux, node: number, root: rb_root_cached): void {
  const se = this.m.se;
  let parent = se[node].run_node.parent;
  for (;;) {
    if (parent === NIL) {
      this.rb_set_parent_color(node, NIL, RB_BLACK);
      return;
    }
    if (se[parent].run_node.color === RB_BLACK) return;
    // A red parent has a parent.
    const gparent = se[parent].run_node.parent;
    const g = se[gparent].run_node;
    const onLeft = parent !== g.rb_right;
    const uncle = onLeft ? g.rb_right : g.rb_left;
    if (uncle !== NIL && se[uncle].run_node.color === RB_RED) {
      this.rb_set_parent_color(uncle, gparent, RB_BLACK);
      this.rb_set_parent_color(parent, gparent, RB_BLACK);
      node = gparent;
      parent = se[node].run_node.parent;
      this.rb_set_parent_color(node, parent, RB_RED);
      continue;
    }
    if (onLeft) {
      let tmp = se[parent].run_node.rb_right;
      if (node === tmp) {
        // The inner grandchild: rotate left at the parent first.
        tmp = se[node].run_node.rb_left;
        se[parent].run_node.rb_right = tmp;
        se[node].run_node.rb_left = parent;
        if (tmp !== NIL) this.rb_set_parent_color(tmp, parent, RB_BLACK);
        this.rb_set_parent_color(parent, node, RB_RED);
        this.min_vruntime_cb_rotate(parent, node);
        parent = node;
        tmp = se[node].run_node.rb_right;
      }
      g.rb_left = tmp;
      se[parent].run_node.rb_right = gparent;
      if (tmp !== NIL) this.rb_set_parent_color(tmp, gparent, RB_BLACK);
    } else {
      let tmp = se[parent].run_node.rb_left;
      if (node === tmp) {
        tmp = se[node].run_node.rb_right;
        se[parent].run_node.rb_left = tmp;
        se[node].run_node.rb_right = parent;
        if (tmp !== NIL) this.rb_set_parent_color(tmp, parent, RB_BLACK);
        this.rb_set_parent_color(parent, node, RB_RED);
        this.min_vruntime_cb_rotate(parent, node);
        parent = node;
        tmp = se[node].run_node.rb_left;
      }
      g.rb_right = tmp;
      se[parent].run_node.rb_left = gparent;
      if (tmp !== NIL) this.rb_set_parent_color(tmp, gparent, RB_BLACK);
    }
    this.__rb_rotate_set_parents(gparent, parent, root, RB_RED);
    this.min_vruntime_cb_rotate(gparent, parent);
    return;
  }
}

/** lib/rbtree.c: ____rb_erase_color(): a black node is missing below `parent`, on the side that is `node`'s. */
export function ____rb_erase_color(this: vmlinux, parent: number, root: rb_root_cached): void {
  const se = this.m.se;
  let node = NIL;
  for (;;) {
    const p = se[parent].run_node;
    const onLeft = node !== p.rb_right;
    let sibling = onLeft ? p.rb_right : p.rb_left;
    if (se[sibling].run_node.color === RB_RED) {
      let inner: number;
      if (onLeft) {
        inner = se[sibling].run_node.rb_left;
        p.rb_right = inner;
        se[sibling].run_node.rb_left = parent;
      } else {
        inner = se[sibling].run_node.rb_right;
        p.rb_left = inner;
        se[sibling].run_node.rb_right = parent;
      }
      this.rb_set_parent_color(inner, parent, RB_BLACK);
      this.__rb_rotate_set_parents(parent, sibling, root, RB_RED);
      this.min_vruntime_cb_rotate(parent, sibling);
      sibling = inner;
    }
    let s = se[sibling].run_node;
    let outer = onLeft ? s.rb_right : s.rb_left;
    if (outer === NIL || se[outer].run_node.color === RB_BLACK) {
      const inner = onLeft ? s.rb_left : s.rb_right;
      if (inner === NIL || se[inner].run_node.color === RB_BLACK) {
        this.rb_set_parent_color(sibling, parent, RB_RED);
        if (p.color === RB_RED) {
          p.color = RB_BLACK;
        } else {
          node = parent;
          parent = p.parent;
          if (parent !== NIL) continue;
        }
        return;
      }
      // Rotate at the sibling, so that its red child is the outer one. Its new colour and parent are set below.
      if (onLeft) {
        const tmp = se[inner].run_node.rb_right;
        s.rb_left = tmp;
        se[inner].run_node.rb_right = sibling;
        p.rb_right = inner;
        if (tmp !== NIL) this.rb_set_parent_color(tmp, sibling, RB_BLACK);
      } else {
        const tmp = se[inner].run_node.rb_left;
        s.rb_right = tmp;
        se[inner].run_node.rb_left = sibling;
        p.rb_left = inner;
        if (tmp !== NIL) this.rb_set_parent_color(tmp, sibling, RB_BLACK);
      }
      this.min_vruntime_cb_rotate(sibling, inner);
      outer = sibling;
      sibling = inner;
      s = se[sibling].run_node;
    }
    let tmp: number;
    if (onLeft) {
      tmp = s.rb_left;
      p.rb_right = tmp;
      s.rb_left = parent;
    } else {
      tmp = s.rb_right;
      p.rb_left = tmp;
      s.rb_right = parent;
    }
    this.rb_set_parent_color(outer, sibling, RB_BLACK);
    if (tmp !== NIL) se[tmp].run_node.parent = parent;
    this.__rb_rotate_set_parents(parent, sibling, root, RB_BLACK);
    this.min_vruntime_cb_rotate(parent, sibling);
    return;
  }
}

/** include/linux/rbtree_augmented.h: __rb_erase_augmented(): unlinks; returns where a black node is missing, or NULL. */
export function __rb_erase_augmented(this: vmlinux, node: number, root: rb_root_cached): number {
  const se = this.m.se;
  const n = se[node].run_node;
  const child = n.rb_right;
  const left = n.rb_left;
  let rebalance = NIL;
  let touched: number;

  if (left === NIL) {
    const parent = n.parent;
    this.__rb_change_child(node, child, parent, root);
    if (child !== NIL) this.rb_set_parent_color(child, parent, n.color);
    else rebalance = n.color === RB_BLACK ? parent : NIL;
    touched = parent;
  } else if (child === NIL) {
    const parent = n.parent;
    this.rb_set_parent_color(left, parent, n.color);
    this.__rb_change_child(node, left, parent, root);
    touched = parent;
  } else {
    // Two children: the next larger node takes this one's place.
    let successor = child;
    let parent: number;
    let child2: number;
    let tmp = se[child].run_node.rb_left;
    if (tmp === NIL) {
      parent = successor;
      child2 = se[successor].run_node.rb_right;
      this.min_vruntime_cb_copy(node, successor);
    } else {
      do {
        parent = successor;
        successor = tmp;
        tmp = se[tmp].run_node.rb_left;
      } while (tmp !== NIL);
      child2 = se[successor].run_node.rb_right;
      se[parent].run_node.rb_left = child2;
      se[successor].run_node.rb_right = child;
      se[child].run_node.parent = successor;
      this.min_vruntime_cb_copy(node, successor);
      this.min_vruntime_cb_propagate(parent, successor);
    }
    const s = se[successor].run_node;
    s.rb_left = left;
    se[left].run_node.parent = successor;
    this.__rb_change_child(node, successor, n.parent, root);
    if (child2 !== NIL) this.rb_set_parent_color(child2, parent, RB_BLACK);
    else rebalance = s.color === RB_BLACK ? parent : NIL;
    s.parent = n.parent;
    s.color = n.color;
    touched = successor;
  }
  this.min_vruntime_cb_propagate(touched, NIL);
  return rebalance;
}

/** include/linux/rbtree_augmented.h: rb_erase_augmented() */
export function rb_erase_augmented(this: vmlinux, node: number, root: rb_root_cached): void {
  const rebalance = this.__rb_erase_augmented(node, root);
  if (rebalance !== NIL) this.____rb_erase_color(rebalance, root);
}

/** include/linux/rbtree_augmented.h: rb_erase_augmented_cached() */
export function rb_erase_augmented_cached(this: vmlinux, node: number, root: rb_root_cached): void {
  if (root.rb_leftmost === node) root.rb_leftmost = this.rb_next(node);
  this.rb_erase_augmented(node, root);
  // MODEL: C leaves the node's links dangling. Nothing reads them before it is linked again.
  const n = this.m.se[node].run_node;
  n.parent = NIL;
  n.color = RB_RED;
  n.rb_right = NIL;
  n.rb_left = NIL;
  n.empty = 1;
}

/** lib/rbtree.c: rb_next() */
export function rb_next(this: vmlinux, node: number): number {
  const se = this.m.se;
  let n = node;
  if (se[n].run_node.rb_right !== NIL) {
    n = se[n].run_node.rb_right;
    while (se[n].run_node.rb_left !== NIL) n = se[n].run_node.rb_left;
    return n;
  }
  let parent = se[n].run_node.parent;
  while (parent !== NIL && n === se[parent].run_node.rb_right) {
    n = parent;
    parent = se[n].run_node.parent;
  }
  return parent;
}

/** lib/rbtree.c: rb_last() */
export function rb_last(this: vmlinux, root: rb_root_cached): number {
  const se = this.m.se;
  let n = root.rb_node;
  if (n === NIL) return NIL;
  while (se[n].run_node.rb_right !== NIL) n = se[n].run_node.rb_right;
  return n;
}

/** include/linux/rbtree_augmented.h: rb_add_augmented_cached(): equals go right, so that they are first in, first out. */
export function rb_add_augmented_cached(this: vmlinux, node: number, tree: rb_root_cached): void {
  const se = this.m.se;
  let parent = NIL;
  let link = tree.rb_node;
  let leftmost = true;
  let left = false;
  while (link !== NIL) {
    parent = link;
    left = this.__entity_less(node, parent);
    if (left) {
      link = se[parent].run_node.rb_left;
    } else {
      link = se[parent].run_node.rb_right;
      leftmost = false;
    }
  }
  const n = se[node].run_node;
  n.parent = parent;
  n.color = RB_RED;
  n.rb_right = NIL;
  n.rb_left = NIL;
  n.empty = 0;
  if (parent === NIL) tree.rb_node = node;
  else if (left) se[parent].run_node.rb_left = node;
  else se[parent].run_node.rb_right = node;
  this.min_vruntime_cb_propagate(parent, NIL);
  if (leftmost) tree.rb_leftmost = node;
  this.__rb_insert(node, tree);
}
