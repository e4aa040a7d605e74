// SPDX-License-Identifier: GPL-2.0-only
/** JSON from outside, with bounds: what nests deeper than anything of ours would exhaust the stack of whoever walks it. */

/** Deeper than any scenario, counterexample or recording nests. */
export const DEPTH_MAX = 64;

/** Offset of the first bracket that opens a level beyond `DEPTH_MAX`; -1 when there is none. Strings do not count. */
export function tooDeepAt(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > DEPTH_MAX) return i;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
  return -1;
}

/** Offset of the quote that ends the string which begins before `from`; the text's length when none does. */
function endOfString(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x22) return i;
  }
  return text.length;
}

/** JSON.parse() within bounds. Throws SyntaxError for what is not JSON and for what nests too deeply. */
export function parseBounded(text: string): unknown {
  if (tooDeepAt(text) >= 0) throw new SyntaxError(`more than ${DEPTH_MAX} levels of brackets`);
  return JSON.parse(text);
}
