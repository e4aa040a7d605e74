// SPDX-License-Identifier: GPL-2.0-only
/** What a Makefile of the kernel's builds in: `obj-y`, and `obj-$(CONFIG_X)` of options that are on. */

/** The value of an option, by name without CONFIG_; undefined for one that is off. */
export type OptionLookup = (name: string) => string | undefined;

/** `$(CONFIG_X)` replaced by its value, as make does it; what else make knows is not known here, and stays. */
const expanded = (text: string, value: OptionLookup): string =>
  text.replace(/\$\(CONFIG_(\w+)\)/g, (_, name: string) => value(name) ?? '');

/** Whether a conditional line holds; null for one that asks for something else than options. */
function holds(line: string, value: OptionLookup): boolean | null {
  const defined = /^if(n?)def\s+CONFIG_(\w+)$/.exec(line);
  if (defined !== null) return (value(defined[2]!) !== undefined) !== (defined[1] === 'n');
  const [, not, left, right] = /^if(n?)eq\s*\(([^,]*),([^,]*)\)$/.exec(line) ?? [];
  if (left === undefined || right === undefined) return null;
  const sides = [left, right].map((side) => expanded(side, value).trim());
  return sides.some((side) => side.includes('$')) ? null : (sides[0] === sides[1]) !== (not === 'n');
}

/** Names of the objects that are built in, without `.o`, in their order. A condition on anything but options is passed over. */
export function builtIn(makefile: string, value: OptionLookup): string[] {
  const objects: string[] = [];
  /** of each conditional that is open: whether this branch is taken, or an earlier one was */
  const branches: { now: boolean; ever: boolean }[] = [];
  for (const whole of makefile.replace(/\\\n/g, ' ').split('\n')) {
    const line = whole.replace(/#.*$/, '').trim();
    if (/^ifn?(def|eq)\b/.test(line)) {
      const now = holds(line, value) ?? false;
      branches.push({ now, ever: now });
    } else if (/^else\b/.test(line)) {
      const otherwise = line.slice(4).trim();
      const ever = branches.pop()?.ever ?? false;
      const now = !ever && (otherwise === '' || (holds(otherwise, value) ?? false));
      branches.push({ now, ever: ever || now });
    } else if (line === 'endif') branches.pop();
    else if (branches.every(({ now }) => now)) {
      const [, when, list] = /^obj-(\S+?)\s*[+:]?=\s*(.*)$/.exec(line) ?? [];
      if (when === undefined || expanded(when, value) !== 'y') continue;
      for (const name of list!.split(/\s+/)) if (/^[\w-]+\.o$/.test(name)) objects.push(name.slice(0, -2));
    }
  }
  return [...new Set(objects)];
}

const FOLLOWED = /^(?:#.*|ifn?(?:def|eq)\b.*|else\b.*|endif|obj-\S+\s*[+:]?=(?:\s+[\w-]+\.o)*)?$/;

/** Whether changed lines, with their signs, say no more than what is built. */
export const isKbuildOnly = (changed: readonly string[]): boolean =>
  changed.every((line) =>
    FOLLOWED.test(
      line
        .slice(1)
        .replace(/\s#.*$/, '')
        .trim(),
    ),
  );
