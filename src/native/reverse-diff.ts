// SPDX-License-Identifier: GPL-2.0-only
/** A unified diff the other way round, as `patch -R` reads it. */

const HUNK = /^@@ -(\S+) \+(\S+) @@(.*)$/;
const SWAPPED: Readonly<Record<string, string>> = { '+': '-', '-': '+' };

const length = (range: string): number => Number(/,(\d+)$/.exec(range)?.[1] ?? 1);

/** Headers of a file, other than its names: what was made is removed, and what was renamed goes back. */
function header(line: string): string {
  const [, verb, rest] = /^(new|deleted)( file mode .*)$/.exec(line) ?? [];
  if (verb !== undefined) return `${verb === 'new' ? 'deleted' : 'new'}${rest}`;
  const blobs = /^index ([0-9a-f]+)\.\.([0-9a-f]+)(.*)$/.exec(line);
  if (blobs !== null) return `index ${blobs[2]}..${blobs[1]}${blobs[3]}`;
  const names = /^diff --git (\S+) (\S+)$/.exec(line);
  return names === null ? line : `diff --git ${names[2]} ${names[1]}`;
}

/** The same change undone: added lines are removed and the other way round. */
export function reversedDiff(text: string): string {
  const lines = text.split('\n');
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const hunk = HUNK.exec(line);
    const next = lines[i + 1] ?? '';
    if (hunk !== null) {
      const [, before, after, heading] = hunk;
      out.push(`@@ -${after} +${before} @@${heading}`);
      for (let [old, now] = [length(before!), length(after!)]; i + 1 < lines.length && (old > 0 || now > 0); ) {
        const inside = lines[++i]!;
        if (inside[0] !== '+' && inside[0] !== '\\') old--;
        if (inside[0] !== '-' && inside[0] !== '\\') now--;
        out.push((SWAPPED[inside[0] ?? ''] ?? inside[0] ?? '') + inside.slice(1));
      }
    } else if (line.startsWith('--- ') && next.startsWith('+++ ')) {
      out.push(`--- ${next.slice(4)}`, `+++ ${line.slice(4)}`);
      i++;
    } else if (/^(?:rename|copy) from /.test(line) && / to /.test(next)) {
      const names = [line, next].map((one) => one.replace(/^\w+ (?:from|to) /, ''));
      const verb = line.split(' ', 1)[0];
      out.push(`${verb} from ${names[1]}`, `${verb} to ${names[0]}`);
      i++;
    } else out.push(header(line));
  }
  return out.join('\n');
}
