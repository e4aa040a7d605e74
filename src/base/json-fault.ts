// SPDX-License-Identifier: GPL-2.0-only
/** Where a text stops being JSON. JSON.parse() tells it for some faults only, in words that vary. */

const SPACE = /[\t\n\r ]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON's strings must not contain them
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = new RegExp(`${STRING.source}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null`, 'y');

/** Offset of the first character that cannot stand where it is; the length when the text is cut short; -1 for JSON. */
export function jsonFaultAt(text: string): number {
  const open: ('{' | '[')[] = [];
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found !== null;
  };
  const key = (): boolean => {
    if (!take(STRING)) return false;
    take(SPACE);
    if (text[at] !== ':') return false;
    at++;
    return true;
  };
  /** after '{' or '[': false when something else than a first member or the end follows */
  const enter = (bracket: '{' | '['): 'value' | 'end' | 'fault' => {
    at++;
    take(SPACE);
    const close = bracket === '{' ? '}' : ']';
    if (text[at] === close) {
      at++;
      return 'end';
    }
    open.push(bracket);
    return bracket === '[' || key() ? 'value' : 'fault';
  };
  for (;;) {
    take(SPACE);
    const c = text[at];
    if (c === '{' || c === '[') {
      const next = enter(c);
      if (next === 'fault') return at;
      if (next === 'value') continue;
    } else if (!take(SCALAR)) {
      return at;
    }
    // behind a value: close what closes, until a comma asks for the next one
    for (;;) {
      take(SPACE);
      if (open.length === 0) return at === text.length ? -1 : at;
      const bracket = open[open.length - 1];
      if (text[at] === (bracket === '{' ? '}' : ']')) {
        at++;
        open.pop();
        continue;
      }
      if (text[at] !== ',') return at;
      at++;
      take(SPACE);
      if (bracket === '{' && !key()) return at;
      break;
    }
  }
}
