// SPDX-License-Identifier: GPL-2.0-only
/**
 * Finds the functions of a C file by reading tokens: enough of C to tell a definition from everything else in kernel
 * code, and tolerant of macros. Comments and white space do not count; of #if/#else only the first branch's braces do.
 */

/** A function's text, or a macro's: tokens separated by single spaces. The twins of an #ifdef are joined. */
export type FunctionTexts = ReadonlyMap<string, string>;

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*|\d[\w.]*|\n|[^\S\n]+|<<=?|>>=?|->|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|\S/g;

/** Tokens without comments; a preprocessor line, continued or not, is one token that begins with #. */
function tokens(text: string): string[] {
  const result: string[] = [];
  const joined = text.replace(/\\\r?\n/g, ' ');
  let directive: string[] | null = null;
  let lineStart = true;
  for (const [token] of joined.matchAll(TOKEN)) {
    if (token === '\n') {
      if (directive !== null) result.push(directive.join(' '));
      directive = null;
      lineStart = true;
    } else if (!/^(\s|\/\*|\/\/)/.test(token)) {
      if (directive !== null) directive.push(token);
      else if (lineStart && token === '#') directive = ['#'];
      else result.push(token);
      lineStart = false;
    } else if (token.includes('\n') && directive !== null) {
      // A comment that goes over the end of a directive's line ends it.
      result.push(directive.join(' '));
      directive = null;
      lineStart = true;
    }
  }
  if (directive !== null) result.push(directive.join(' '));
  return result;
}

const NOT_NAMES = new Set([
  'if',
  'while',
  'for',
  'switch',
  'return',
  'sizeof',
  'typeof',
  '__typeof__',
  '__attribute__',
]);

/** Index behind the bracket that closes the one at `at`; braces in the #else of an #if do not count. */
function behind(list: readonly string[], at: number, open: string, close: string): number {
  let depth = 0;
  const branches: boolean[] = [];
  for (let i = at; i < list.length; i++) {
    const token = list[i]!;
    if (token.startsWith('# if')) branches.push(true);
    else if (token.startsWith('# el')) branches[branches.length - 1] = false;
    else if (token.startsWith('# endif')) branches.pop();
    else if (branches.every((first) => first)) {
      if (token === open) depth++;
      else if (token === close && --depth === 0) return i + 1;
    }
  }
  return list.length;
}

/** Index of the `{` of a definition whose parameters end before `at`, or -1: annotations (`__acquires(x)`) may stand in between. */
function bodyAt(list: readonly string[], at: number): number {
  let i = at;
  for (;;) {
    const token = list[i];
    if (token === '{') return i;
    if (token === undefined || !token.startsWith('__')) return -1;
    i = list[i + 1] === '(' ? behind(list, i + 1, '(', ')') : i + 1;
  }
}

/** SYSCALL_DEFINE0(sched_yield) defines sys_sched_yield(). */
function definedName(list: readonly string[], at: number): string {
  return /^SYSCALL_DEFINE\d$/.test(list[at]!) ? `sys_${list[at + 2]}` : list[at]!;
}

/** The functions that a macro invoked between functions makes, and the macro's own name. */
function madeBy(macro: string, first: string, second: string): string[] {
  if (/^(TRACE_EVENT|DEFINE_EVENT)/.test(macro)) {
    const event = macro.startsWith('DEFINE') ? second : first;
    return [event, `trace_${event}`];
  }
  if (macro.startsWith('KVM_X86_OP')) return [first, `kvm_x86_${first}`];
  if (macro === 'RB_DECLARE_CALLBACKS') return ['propagate', 'copy', 'rotate'].map((what) => `${second}_${what}`);
  return [macro];
}

/** All functions and macros of a C file. */
export function functionTexts(source: string): FunctionTexts {
  const list = tokens(source);
  const found = new Map<string, string>();
  const add = (name: string, text: string) => {
    const twin = found.get(name);
    found.set(name, twin === undefined ? text : `${twin}\n${text}`);
  };
  let start = 0;
  for (let i = 0; i < list.length; ) {
    const token = list[i]!;
    const macro = /^# define (\w+)/.exec(token);
    if (macro !== null) add(macro[1]!, token);
    if (token === ';' || token.startsWith('#')) {
      i++;
      start = i;
    } else if (token === '{') {
      i = behind(list, i, '{', '}');
      start = i;
    } else if (/^[A-Za-z_]/.test(token) && !NOT_NAMES.has(token) && list[i + 1] === '(') {
      const parameters = behind(list, i + 1, '(', ')');
      const body = bodyAt(list, parameters);
      if (body >= 0) {
        const end = behind(list, body, '{', '}');
        add(definedName(list, i), list.slice(start, end).join(' '));
        i = end;
        start = end;
      } else {
        const invocation = list.slice(i, parameters);
        const comma = invocation.indexOf(',');
        if (start === i)
          for (const name of madeBy(token, invocation[2]!, invocation[comma + 1]!)) add(name, invocation.join(' '));
        i = parameters;
        // A macro between functions needs no semicolon.
        if (start === i - invocation.length) start = i;
      }
    } else i++;
  }
  return found;
}
