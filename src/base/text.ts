// SPDX-License-Identifier: GPL-2.0-only
/** Plain ASCII text in a given width: wrapping, padding, columns. */

/**
 * `text` in lines of at most `width` characters, broken at spaces. Line breaks of `text` are kept, and so are runs of
 * spaces within a line. A word longer than a line is cut.
 *
 * @param hanging put before every line but the first; counts as part of the width
 */
export function wrap(text: string, width: number, hanging = ''): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width, hanging));
}

function wrapLine(text: string, width: number, hanging: string): string[] {
  const lines: string[] = [];
  let line = '';
  let begun = false;
  const flush = (): void => {
    lines.push(line);
    line = hanging;
    begun = false;
  };
  for (const [, spaces, word] of text.matchAll(/( *)(\S+)/g)) {
    let rest = word;
    if (begun && line.length + spaces.length + rest.length > width) flush();
    else line += spaces;
    while (line.length + rest.length > width && width > hanging.length) {
      const room = width - line.length;
      line += rest.slice(0, room);
      rest = rest.slice(room);
      flush();
    }
    line += rest;
    begun ||= rest !== '';
  }
  if (begun || lines.length === 0) lines.push(line);
  return lines;
}

/** `text` in exactly `width` characters: cut with a trailing `~`, or filled with spaces. */
export function inWidth(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}~` : text.padEnd(width);
}

/** `3 runs`, `1 run`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** Everything beyond printable ASCII replaced, so that a terminal shows what the file says. */
export function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e\n]/g, '?');
}

/** Lines of cells, columns as wide as their widest cell, two spaces between; numbers to the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

/** An argument as a shell reads it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}
