// SPDX-License-Identifier: GPL-2.0-only
/** What a configuration leaves of a C file: lines of branches not taken become empty, so that line numbers stay. */

/** Macros that are defined, and their values; everything else counts as undefined. */
export type Configuration = ReadonlyMap<string, string>;

const TOKEN = /defined|\w+|&&|\|\||[<>=!]=|[()!<>+\-*]|,/g;

/** Value of the condition of an #if: integers, defined(), IS_ENABLED() and friends, and the usual operators. */
class Condition {
  private readonly tokens: string[];
  private at = 0;

  constructor(
    text: string,
    private readonly defined: ReadonlyMap<string, string>,
  ) {
    this.tokens = text.match(TOKEN) ?? [];
  }

  value(): number {
    let left = this.and();
    while (this.take('||')) {
      const right = this.and();
      left = left || right ? 1 : 0;
    }
    return left;
  }

  private take(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at++;
    return true;
  }

  private and(): number {
    let left = this.compare();
    while (this.take('&&')) {
      const right = this.compare();
      left = left && right ? 1 : 0;
    }
    return left;
  }

  private compare(): number {
    const left = this.primary();
    if (this.take('==')) return left === this.primary() ? 1 : 0;
    if (this.take('!=')) return left !== this.primary() ? 1 : 0;
    if (this.take('>=')) return left >= this.primary() ? 1 : 0;
    if (this.take('<=')) return left <= this.primary() ? 1 : 0;
    if (this.take('>')) return left > this.primary() ? 1 : 0;
    if (this.take('<')) return left < this.primary() ? 1 : 0;
    return left;
  }

  private primary(): number {
    if (this.take('!')) return this.primary() ? 0 : 1;
    if (this.take('(')) {
      const inner = this.value();
      this.take(')');
      return inner;
    }
    const token = this.tokens[this.at++];
    if (token === undefined) return 0;
    if (/^\d/.test(token)) return Number.parseInt(token, token.startsWith('0x') ? 16 : 10);
    if (token === 'defined' || /^IS_(ENABLED|BUILTIN|REACHABLE|MODULE)$/.test(token)) {
      const bracket = this.take('(');
      const name = this.tokens[this.at++] ?? '';
      if (bracket) this.take(')');
      return this.defined.has(name) ? 1 : 0;
    }
    const value = this.defined.get(token);
    if (this.tokens[this.at] === '(') this.skipCall();
    return value === undefined ? 0 : Number(value) || 0;
  }

  private skipCall(): void {
    for (let depth = 0; this.at < this.tokens.length; ) {
      const token = this.tokens[this.at++];
      if (token === '(') depth++;
      else if (token === ')' && --depth === 0) return;
    }
  }
}

/** The file with every line blank that is not compiled, and every #if, #else and #endif itself. */
export function activeLines(source: string, configuration: Configuration): string {
  const defined = new Map(configuration);
  const lines = source.split('\n');
  /** whether the branch is compiled, and whether one of its #if was */
  const open: { active: boolean; taken: boolean }[] = [];
  const result: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const first = i;
    let line = lines[i]!;
    const isDirective = /^\s*#/.test(line);
    if (isDirective) while (line.endsWith('\\') && i + 1 < lines.length) line = `${line.slice(0, -1)} ${lines[++i]}`;
    const active = open.every((branch) => branch.active);
    const directive = isDirective ? /^\s*#\s*(\w+)\s*(.*)$/.exec(line.replace(/\/\*.*?\*\//g, ' ')) : null;
    const [, word = '', rest = ''] = directive ?? [];
    const isBranch = directive !== null && /^(if|ifdef|ifndef|elif|else|endif)$/.test(word);
    if (isBranch) {
      branch(word, rest, open, active, defined);
    } else if (active && word === 'define') {
      const name = /^\w+/.exec(rest)?.[0];
      if (name !== undefined) defined.set(name, rest.slice(name.length).trim());
    } else if (active && word === 'undef') {
      defined.delete(rest.trim());
    }
    for (let k = first; k <= i; k++) result.push(active && !isBranch ? lines[k]! : '');
  }
  return result.join('\n');
}

function branch(
  word: string,
  rest: string,
  open: { active: boolean; taken: boolean }[],
  active: boolean,
  defined: ReadonlyMap<string, string>,
): void {
  const innermost = open[open.length - 1];
  if (word === 'endif') open.pop();
  else if (word === 'else' && innermost !== undefined) innermost.active = !innermost.taken;
  else if (word === 'elif' && innermost !== undefined) {
    innermost.active = !innermost.taken && new Condition(rest, defined).value() !== 0;
    innermost.taken ||= innermost.active;
  } else {
    // an #if inside of what is not compiled has no active branch
    const name = rest.trim();
    const holds =
      word === 'ifdef'
        ? defined.has(name)
        : word === 'ifndef'
          ? !defined.has(name)
          : new Condition(rest, defined).value() !== 0;
    open.push({ active: active && holds, taken: !active || holds });
  }
}
