// SPDX-License-Identifier: GPL-2.0-only
/** Exit codes of the commands, as a shell, kselftest and git bisect read them. */

export type ExitStyle = 'unix' | 'kselftest' | 'bisect';
export const EXIT_STYLES: readonly ExitStyle[] = ['unix', 'kselftest', 'bisect'];

/** as recorded, or nothing refuted */
export const OK = 0;
/** refuted, or not as recorded */
export const REFUTED = 1;
/** usage or bad input */
export const BAD_INPUT = 2;
/** a branch that is not modelled, or a mistake of ours */
export const OUR_FAULT = 3;
/** nothing refuted, and something not answered: not compiled, not run, not searched to the end */
export const NOT_JUDGED = 4;
/** ended by ^C, as a shell counts signals */
export const INTERRUPTED = 130;

const KSFT_SKIP = 4;
const BISECT_SKIP = 125;

/** Nothing could be judged: a skip in the two styles that have one, `unix` elsewhere. */
export const skipped = (style: ExitStyle, unix: number): number =>
  style === 'kselftest' ? KSFT_SKIP : style === 'bisect' ? BISECT_SKIP : unix;

/** The input is wrong, or kvmodel is: git bisect shall try another revision. */
export const failed = (style: ExitStyle, code: number): number => (style === 'bisect' ? BISECT_SKIP : code);
