// SPDX-License-Identifier: GPL-2.0-only
/** What stands in each line of a C file, as far as the counting of lines needs it: code, and under which #if. */

export interface LineOfC {
  /** the line without its comments */
  readonly code: string;
  readonly isDirective: boolean;
  /** the conditions around it, outermost first, as they are written: `#ifdef CONFIG_SMP`, `#else of #ifdef CONFIG_SMP` */
  readonly under: readonly string[];
  /** the same branches by number, so that two of one condition are told apart */
  readonly branches: readonly number[];
}

const COMMENT_OR_STRING = /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** Comments as blanks; line breaks stay. */
const withoutComments = (text: string): string =>
  text.replace(COMMENT_OR_STRING, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found));

/** Every line of a file, from the first. */
export function linesOfC(text: string): LineOfC[] {
  const open: { text: string; n: number }[] = [];
  let branches = 0;
  let continued = false;
  return withoutComments(text)
    .split('\n')
    .map((code) => {
      const isDirective = continued || /^\s*#/.test(code);
      const word = continued ? '' : (/^\s*#\s*(\w+)/.exec(code)?.[1] ?? '');
      const condition = code.trim().replace(/\s+/g, ' ').replace(/^# /, '#');
      if (word === 'endif') open.pop();
      if (word === 'else' || word === 'elif') {
        const first = open.pop()?.text ?? '';
        open.push({ text: word === 'else' ? `#else of ${first}` : condition, n: branches++ });
      }
      const [under, numbers] = [open.map((one) => one.text), open.map((one) => one.n)];
      if (/^if/.test(word)) open.push({ text: condition, n: branches++ });
      continued = isDirective && code.trimEnd().endsWith('\\');
      return { code, isDirective, under, branches: numbers };
    });
}

/** Only brackets, labels' colons, `else`: nothing that the compiler could make code of. */
export const isBare = (code: string): boolean => /^[\s{}();]*(?:else|do)?[\s{}();]*$/.test(code);

const TOKEN =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*|\d[\w.]*|<<=?|>>=?|->|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|##?|\n|[^\S\n]+|\S/g;

/** What the compiler reads of a file: its tokens, and where directives end. Comments and white space do not count. */
export function tokensOfC(text: string): string {
  const joined = withoutComments(text).replace(/\\\r?\n/g, ' ');
  return joined
    .split('\n')
    .flatMap((line) => {
      const tokens = (line.match(TOKEN) ?? []).filter((token) => token.trim() !== '');
      return tokens[0] === '#' ? [`\n${tokens.join(' ')}\n`] : tokens;
    })
    .join(' ');
}
