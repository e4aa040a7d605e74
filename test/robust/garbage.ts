// SPDX-License-Identifier: GPL-2.0-only
/** Malformed input: what people and programs hand over that is almost right, cut short, or nothing of the kind. */

/** xorshift32, so that the same seed mangles alike. */
export class Dice {
  constructor(private state: number) {
    if (this.state === 0) this.state = 1;
  }

  /** 0 to n - 1 */
  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);

/** Values that some reader takes for something else. */
const ODD: readonly Json[] = [
  ...[null, true, false, '', 'x', [], {}, [[]], [null], { a: 1 }, [1, 2, 3]],
  ...[0, -0, -1, 1, 2, 63, 64, 65, 255, 256, 4095, 4096, 65535, 65536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
  ...[0x1_0000_0000, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e300, -1e300, 0.5, 1e-300, 2 ** 64],
  ...['9223372036854775807', '-9223372036854775808', '18446744073709551616', '0x10', '1e9', 'NaN', ' 1', '1 '],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '\u0000', '\ufffd', '\u202e', 'a'.repeat(10_000)],
];

/** All places of a tree, as paths. */
function places(value: Json, path: (string | number)[] = [], out: (string | number)[][] = []): (string | number)[][] {
  out.push(path);
  if (Array.isArray(value)) for (const [i, item] of value.entries()) places(item, [...path, i], out);
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) places(item, [...path, key], out);
  return out;
}

type Holder = Record<string | number, Json>;

/** One thing in the tree is something else, gone, there twice, or under another name. */
export function mangledTree(value: unknown, dice: Dice): unknown {
  const copy = JSON.parse(JSON.stringify(value)) as Json;
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const path = dice.of(places(copy));
    if (path.length === 0) return dice.below(4) === 0 ? dice.of(ODD) : copy;
    let at = copy as Holder;
    for (const key of path.slice(0, -1)) at = at[key] as Holder;
    const key = path[path.length - 1];
    const was = at[key];
    const kind = dice.below(8);
    if (kind === 0) {
      if (Array.isArray(at)) at.splice(Number(key), 1);
      else delete at[key];
    } else if (kind === 1 && Array.isArray(at)) {
      at.splice(Number(key), 0, was, was);
    } else if (kind === 2 && !Array.isArray(at)) {
      at[`${key}x`] = was;
    } else if (kind === 3 && typeof was === 'number') {
      at[key] = dice.of([was + 1, was - 1, -was, was * 1000, was + 0.5, was | 0x8000_0000, 2 ** 31 - was]);
    } else if (kind === 4 && Array.isArray(was)) {
      at[key] = was.length > 0 ? Array<Json>(1 + dice.below(300)).fill(was[0]) : [0];
    } else {
      at[key] = dice.of(ODD);
    }
  }
  return copy;
}

const PIECES: readonly string[] = [
  ...[
    '\0',
    '\ufeff',
    '\r\n',
    '\n\n',
    '\t',
    ' ',
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '/',
    '#',
    '%',
    '-',
    '0x',
    '.',
  ],
  ...[
    '\u{1f600}',
    '\udc00',
    'é',
    'NaN',
    'Infinity',
    '-1',
    '99999999999999999999',
    '1e999',
    '__proto__',
    '../../x',
    '$(x)',
  ],
  ...[nested(3_000), nested(40_000), nested(20_000, '{"a":', '}'), 'A'.repeat(70_000)],
];

/** Characters, lines or the end are not what they were. */
export function mangledText(text: string, dice: Dice): string {
  let out = text;
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(out.length + 1);
    const lines = out.split('\n');
    const line = dice.below(lines.length);
    switch (dice.below(9)) {
      case 0:
        out = out.slice(0, at);
        break;
      case 1:
        out = out.slice(0, at) + dice.of(PIECES) + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + out.slice(at + 1 + dice.below(20));
        break;
      case 3:
        out = out.slice(0, at) + String.fromCharCode(32 + dice.below(95)) + out.slice(at + 1);
        break;
      case 4:
        lines.splice(line, 1);
        out = lines.join('\n');
        break;
      case 5:
        lines.splice(line, 0, lines[line], lines[line]);
        out = lines.join('\n');
        break;
      case 6: {
        const other = dice.below(lines.length);
        [lines[line], lines[other]] = [lines[other], lines[line]];
        out = lines.join('\n');
        break;
      }
      case 7:
        // one of the numbers
        out = out.replace(/-?\d+/g, (n, offset: number) =>
          offset >= at && dice.below(30) === 0 ? String(dice.of(ODD.filter((x) => typeof x === 'number'))) : n,
        );
        break;
      default:
        out = dice.below(3) === 0 ? dice.of(PIECES) : out.slice(at) + out.slice(0, at);
    }
  }
  return out;
}
