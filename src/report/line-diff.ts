// SPDX-License-Identifier: GPL-2.0-only
/** What two kernels did at one event, side by side as diff(1) would show it. */

export interface DiffLine {
  /** ' ' both, '-' only the first, '+' only the second */
  mark: ' ' | '-' | '+';
  text: string;
}

/** A shortest edit from `a` to `b`, lines in order; what both have stands once. */
export function lineDiff(a: readonly string[], b: readonly string[]): DiffLine[] {
  const common = longestCommon(a, b);
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ mark: ' ', text: a[i] });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      out.push({ mark: '-', text: a[i++] });
    } else {
      out.push({ mark: '+', text: b[j++] });
    }
  }
  return out;
}

/** common[i][j]: length of the longest common subsequence of a from i and b from j. */
function longestCommon(a: readonly string[], b: readonly string[]): number[][] {
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  return common;
}
