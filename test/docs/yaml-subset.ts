// SPDX-License-Identifier: GPL-2.0-only
/** The YAML of a manifest: maps and lists by indentation or in one line, plain and quoted scalars, literal blocks. No more than that. */

interface Line {
  indent: number;
  text: string;
}

export function yamlSubset(source: string): unknown {
  const reader = new Reader(source.split('\n'));
  const value = reader.block(0);
  if (reader.next() !== null) throw new Error(`not read: ${reader.next()?.text}`);
  return value;
}

class Reader {
  private at = 0;

  constructor(private readonly lines: readonly string[]) {}

  next(): Line | null {
    while (this.at < this.lines.length && /^\s*(#.*)?$/.test(this.lines[this.at])) this.at++;
    const line = this.lines[this.at];
    if (line === undefined) return null;
    if (line.includes('\t')) throw new Error(`a tab: ${line}`);
    const indent = line.search(/\S/);
    return {
      indent,
      text: line
        .slice(indent)
        .replace(/\s+#.*$/, '')
        .trimEnd(),
    };
  }

  block(indent: number): unknown {
    const first = this.next();
    if (first === null || first.indent < indent) return null;
    return first.text.startsWith('- ') ? this.list(first.indent) : this.map(first.indent);
  }

  private list(indent: number): unknown[] {
    const out: unknown[] = [];
    for (let line = this.next(); line?.indent === indent && line.text.startsWith('- '); line = this.next()) {
      const rest = line.text.slice(2);
      if (rest !== '|' && (!/^[\w-]+:( |$)/.test(rest) || rest.startsWith('{'))) {
        this.at++;
        out.push(scalar(rest));
      } else if (rest === '|') {
        this.at++;
        out.push(this.literal(indent));
      } else {
        // an item that is a map: its first member stands behind the dash
        (this.lines as string[])[this.at] = `${' '.repeat(indent + 2)}${rest}`;
        out.push(this.map(indent + 2));
      }
    }
    return out;
  }

  private map(indent: number): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (let line = this.next(); line !== null && line.indent >= indent; line = this.next()) {
      const [, key, rest] = /^([\w-]+):(?: +(.*))?$/.exec(line.text) ?? [];
      if (key === undefined || line.indent !== indent || key in out) throw new Error(`no member: ${line.text}`);
      this.at++;
      if (rest === '|') out[key] = this.literal(indent);
      else out[key] = rest === undefined ? this.block(indent + 1) : scalar(rest);
    }
    return out;
  }

  private literal(indent: number): string {
    const taken: string[] = [];
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at];
      if (line.trim() !== '' && line.search(/\S/) <= indent) break;
      taken.push(line);
    }
    const own = Math.min(...taken.filter((it) => it.trim() !== '').map((it) => it.search(/\S/)));
    return `${taken
      .map((it) => it.slice(own))
      .join('\n')
      .trimEnd()}\n`;
  }
}

function scalar(text: string): unknown {
  if (text.startsWith('[')) return JSON.parse(text);
  if (text.startsWith('{')) {
    const members = text
      .slice(1, -1)
      .split(',')
      .map((it) => /^\s*([\w-]+): (.*?)\s*$/.exec(it));
    return Object.fromEntries(members.map((it) => [it?.[1], scalar(it?.[2] ?? '')]));
  }
  if (text.startsWith('"')) return JSON.parse(text);
  if (/^-?\d+$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}
