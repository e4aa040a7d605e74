// SPDX-License-Identifier: GPL-2.0-only
/** JSON that is the same bytes for the same value: keys sorted, 64-bit integers as decimal strings. */

/**
 * `value` as JSON. Keys of objects are sorted by code unit, BigInts become decimal strings, `undefined` members are
 * left out, -0 is 0. Throws TypeError on what JSON cannot say: NaN, infinities, functions, symbols.
 *
 * @param indent spaces a level; 0 for one line
 */
export function stableJson(value: unknown, indent = 0): string {
  return write(value, indent, '');
}

/** For JSON.stringify(): a BigInt becomes its decimal digits. */
export const bigintAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value;

/** `value` as one object of JSON, keys in its own order: what a command prints under --json. */
export const plainJson = (value: unknown): string => `${JSON.stringify(value, bigintAsText, 1)}\n`;

function write(value: unknown, indent: number, margin: string): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `"${value}"`;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`stableJson: ${value} is no JSON`);
      return String(Object.is(value, -0) ? 0 : value);
    case 'object':
      return Array.isArray(value)
        ? bracket(
            '[',
            value.map((v) => write(v === undefined ? null : v, indent, deeper(margin, indent))),
            ']',
            indent,
            margin,
          )
        : bracket('{', members(value as Record<string, unknown>, indent, margin), '}', indent, margin);
    default:
      throw new TypeError(`stableJson: a ${typeof value} is no JSON`);
  }
}

const deeper = (margin: string, indent: number): string => margin + ' '.repeat(indent);

function members(value: Record<string, unknown>, indent: number, margin: string): string[] {
  const colon = indent > 0 ? ': ' : ':';
  return Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}${colon}${write(value[key], indent, deeper(margin, indent))}`);
}

function bracket(open: string, parts: string[], close: string, indent: number, margin: string): string {
  if (parts.length === 0) return open + close;
  if (indent === 0) return open + parts.join(',') + close;
  const inner = `\n${deeper(margin, indent)}`;
  return `${open}${inner}${parts.join(`,${inner}`)}\n${margin}${close}`;
}
