// SPDX-License-Identifier: GPL-2.0-only
/** What tells whether a tree has a bug: something that the model does in one way with the fix and in another without it. */

export interface Sign {
  /** what was tried: `kvm_vcpu_on_spin() alone, 12 calls`, `4 operations on 1 CPU` */
  readonly tried: string;
  /** whether the tree did as with the fix or as without it; null when it did something else, or it could not be tried */
  readonly like: 'fixed' | 'buggy' | null;
  /** of null: what the tree did instead, or why it was not tried */
  readonly otherwise: string;
  /** operations that show it, as text; empty for a function alone */
  readonly sequence: string;
}

export const untried = (tried: string, otherwise: string): Sign => ({ tried, like: null, otherwise, sequence: '' });
