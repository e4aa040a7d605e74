// SPDX-License-Identifier: GPL-2.0-only
/**
 * Kconfig options that a patch adds, and what a build sets them to: what the user says, or else what their defaults say.
 *
 * Read from the diff: of the tree's Kconfig files most are not unpacked, and what surrounds a hunk does not matter here.
 */

export interface KconfigOption {
  readonly name: string;
  /** `kernel/Kconfig.preempt` */
  readonly file: string;
  readonly type: 'bool' | 'tristate' | 'int' | 'hex' | 'string';
  readonly defaults: readonly { readonly value: string; readonly condition: string }[];
  /** all of them have to hold */
  readonly depends: readonly string[];
  /** the one that a choice starts with; null outside of a choice */
  readonly chosen: string | null;
  /** who turns it on, whatever it depends on */
  readonly selected: readonly { readonly by: string; readonly condition: string }[];
}

/** What an option is set to in a build, and why. */
export interface OptionValue {
  readonly name: string;
  readonly value: string;
  /** the Kconfig file that the patch adds it to; null for one that only the user names */
  readonly file: string | null;
  /** `its default`, `--config`, `no default`, `selected by X`, `it depends on X, which is off here` */
  readonly why: string;
}

/** What is on in the configuration that all builds start from: `SMP` to `y`, `NR_CPUS` to `8`. */
export function configurationOf(autoconf: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [, name, value] of autoconf.matchAll(/^#define CONFIG_(\w+) (.*)$/gm))
    values.set(name!, value === '1' ? 'y' : value!.trim());
  return values;
}

/** For the end of autoconf.h: these options, whatever stands above. */
export function configLines(config: Readonly<Record<string, string>>): string {
  return Object.keys(config)
    .sort()
    .map((name) => {
      const value = config[name]!;
      const undef = `#undef CONFIG_${name}\n#undef CONFIG_${name}_MODULE\n`;
      if (value === 'n') return undef;
      if (value === 'y') return `${undef}#define CONFIG_${name} 1\n`;
      if (value === 'm') return `${undef}#define CONFIG_${name}_MODULE 1\n`;
      return `${undef}#define CONFIG_${name} ${/^(-?\d+|0x[\da-fA-F]+)$/.test(value) ? value : JSON.stringify(value)}\n`;
    })
    .join('');
}

/** What the preprocessor knows with these options on top of a configuration: `CONFIG_SMP` to `1`. */
export function withOptions(
  configuration: ReadonlyMap<string, string>,
  config: Readonly<Record<string, string>> = {},
): Map<string, string> {
  const all = new Map(configuration);
  for (const [name, value] of Object.entries(config)) {
    all.delete(`CONFIG_${name}`);
    if (value === 'm') all.set(`CONFIG_${name}_MODULE`, '1');
    else if (value !== 'n') all.set(`CONFIG_${name}`, value === 'y' ? '1' : value);
  }
  return all;
}

interface Line {
  readonly text: string;
  readonly added: boolean;
}

/** Of every hunk to a Kconfig file, the option that it begins in and the lines afterwards. */
function kconfigHunks(diff: string): { file: string; within: string; lines: Line[] }[] {
  const hunks: { file: string; within: string; lines: Line[] }[] = [];
  let file = '';
  let [oldLeft, newLeft] = [0, 0];
  for (const text of diff.split('\n')) {
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@(?: (?:menu)?config (\w+))?/.exec(text);
    if (hunk !== null) {
      [oldLeft, newLeft] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
      hunks.push({ file, within: hunk[3] ?? '', lines: [] });
    } else if (oldLeft > 0 || newLeft > 0) {
      if (text.startsWith('\\')) continue;
      if (!text.startsWith('-')) {
        hunks.at(-1)!.lines.push({ text: text.slice(1), added: text.startsWith('+') });
        newLeft--;
      }
      if (!text.startsWith('+')) oldLeft--;
    } else {
      const name = /^\+\+\+ (?:b\/)?(\S+)/.exec(text);
      if (name !== null) file = name[1]!;
    }
  }
  return hunks.filter((hunk) => /(^|\/)Kconfig[^/]*$/.test(hunk.file));
}

interface Draft {
  name: string;
  file: string;
  type: KconfigOption['type'];
  defaults: { value: string; condition: string }[];
  depends: string[];
  chosen: string | null;
  selected: { by: string; condition: string }[];
}

/** `y if X && Y` in two. */
function withCondition(text: string): { value: string; condition: string } {
  const [, value = '', condition = ''] = /^("(?:[^"\\]|\\.)*"|.*?)(?:\s+if\s+(.*))?$/.exec(text.trim()) ?? [];
  return { value: value.replace(/^"(.*)"$/, '$1'), condition };
}

function attribute(option: Draft, text: string): void {
  const [, word, rest = ''] = /^(\w+)\s*(.*)$/.exec(text) ?? [];
  if (word === 'bool' || word === 'tristate' || word === 'int' || word === 'hex' || word === 'string')
    option.type = word;
  else if (word === 'def_bool' || word === 'def_tristate') {
    option.type = word === 'def_bool' ? 'bool' : 'tristate';
    option.defaults.push(withCondition(rest));
  } else if (word === 'default') option.defaults.push(withCondition(rest));
  else if (word === 'depends') option.depends.push(rest.replace(/^on\s+/, ''));
}

/** The options whose `config` line the patch adds. */
export function addedOptions(diff: string): KconfigOption[] {
  const options: Draft[] = [];
  const selects: { by: string; target: string; condition: string }[] = [];
  for (const { file, within, lines } of kconfigHunks(diff)) {
    let by = within;
    const conditions: string[] = [];
    let choice: { chosen: string } | null = null;
    let option: Draft | null = null;
    let inChoice = false;
    let inHelp = false;
    for (const { text, added } of lines) {
      const plain = text.replace(/\s#.*$/, '').trim();
      const [word] = plain.split(/\s/, 1);
      const starts = /^(config|menuconfig|choice|endchoice|menu|endmenu|if|endif|source|comment|mainmenu)$/.test(word!);
      if (starts && !/^\s/.test(text)) {
        option = null;
        by = /config$/.test(word!) ? (plain.split(/\s+/)[1] ?? '') : '';
        inHelp = inChoice = false;
        if (word === 'if') conditions.push(plain.slice(3));
        else if (word === 'endif') conditions.pop();
        else if (word === 'choice') {
          choice = { chosen: '' };
          inChoice = true;
        } else if (word === 'endchoice') choice = null;
        else if (/config$/.test(word!) && added) {
          const depends = [...conditions];
          const chosen = choice?.chosen ?? null;
          option = { name: by, file, type: 'bool', defaults: [], depends, chosen, selected: [] };
          options.push(option);
        }
      } else if (/^(help|---help---)$/.test(plain)) inHelp = true;
      else if (inHelp) continue;
      else if (inChoice && choice !== null && /^default\b/.test(plain))
        choice.chosen = withCondition(plain.slice(8)).value;
      else if (added && by !== '' && /^select\b/.test(plain)) {
        const { value: target, condition } = withCondition(plain.slice(7));
        selects.push({ by, target, condition });
      } else if (option !== null && plain !== '') attribute(option, plain);
    }
  }
  for (const option of options) option.selected = selects.filter(({ target }) => target === option.name);
  return options;
}

/** What is taken to be on: it decides nothing in the files that are compiled, or every kernel for this machine has it. */
const ASSUMED =
  /^(X86|X86_64|X86_\w+|EXPERT|DEBUG_KERNEL|DEBUG_FS|PROC_FS|HAVE_\w+|ARCH_(?!NO_)\w+|CC_\w+|KVM\w*|PARAVIRT\w*)$/;

type Lookup = (name: string) => string;

/** A Kconfig expression; the first symbol whose being off makes it false, else the expression; null when it holds. */
function whyNot(expression: string, lookup: Lookup): string | null {
  const tokens = expression.match(/"[^"]*"|\w+|&&|\|\||!=|[!=()]/g) ?? [];
  let at = 0;
  let culprit: string | null = null;
  const take = (token: string) => tokens[at] === token && ++at > 0;
  const symbol = (): string => {
    const token = tokens[at++] ?? 'y';
    if (token.startsWith('"')) return token.slice(1, -1);
    if (/^([ymn]|\d.*)$/.test(token)) return token;
    const value = lookup(token);
    if (value === 'n') culprit ??= token;
    return value;
  };
  const primary = (): boolean => {
    if (take('!')) return !primary();
    if (take('(')) {
      const inner = either();
      take(')');
      return inner;
    }
    const left = symbol();
    if (take('=')) return left === symbol();
    if (take('!=')) return left !== symbol();
    return left !== 'n' && left !== '';
  };
  const both = (): boolean => {
    let left = primary();
    while (take('&&')) left = primary() && left;
    return left;
  };
  const either = (): boolean => {
    let left = both();
    while (take('||')) left = both() || left;
    return left;
  };
  return either() ? null : (culprit ?? expression);
}

/** What the options are built with. `set` is what the user says; it may name any option. */
export function valuesOf(
  options: readonly KconfigOption[],
  configuration: ReadonlyMap<string, string>,
  set: Readonly<Record<string, string>>,
): OptionValue[] {
  const byName = new Map(options.map((option) => [option.name, option]));
  const known = new Map<string, OptionValue>();
  const lookup: Lookup = (name) => {
    if (set[name] !== undefined) return set[name];
    if (byName.has(name)) return settingOf(name).value;
    return configuration.get(name) ?? (ASSUMED.test(name) ? 'y' : 'n');
  };
  const settingOf = (name: string): OptionValue => {
    const before = known.get(name);
    if (before !== undefined) return before;
    // An option that depends on itself is off.
    const { file } = byName.get(name)!;
    known.set(name, { name, value: 'n', file, why: 'it depends on itself' });
    const found = { name, file, ...decided(byName.get(name)!, lookup, set[name]) };
    known.set(name, found);
    return found;
  };
  const others = Object.keys(set).filter((name) => !byName.has(name));
  return [
    ...options.map((option) => settingOf(option.name)),
    ...others.map((name) => ({ name, value: set[name]!, file: null, why: '--config' })),
  ];
}

function decided(option: KconfigOption, lookup: Lookup, set: string | undefined): { value: string; why: string } {
  if (set !== undefined) return { value: set, why: '--config' };
  const isNumber = option.type === 'int' || option.type === 'hex';
  const off = isNumber ? '0' : option.type === 'string' ? '' : 'n';
  const selects = ({ by, condition }: KconfigOption['selected'][number]) =>
    lookup(by) !== 'n' && (condition === '' || whyNot(condition, lookup) === null);
  const selector = option.selected.find(selects);
  if (selector !== undefined) return { value: 'y', why: `selected by ${selector.by}` };
  for (const expression of option.depends) {
    const culprit = whyNot(expression, lookup);
    if (culprit !== null) {
      const why = /^\w+$/.test(culprit) ? 'is off here' : 'does not hold here';
      return { value: off, why: `it depends on ${culprit}, which ${why}` };
    }
  }
  if (option.chosen !== null && option.chosen !== '')
    return { value: option.chosen === option.name ? 'y' : 'n', why: 'the default of its choice' };
  for (const { value, condition } of option.defaults) {
    if (condition !== '' && whyNot(condition, lookup) !== null) continue;
    const isWord = option.type === 'bool' || option.type === 'tristate';
    if (isWord && !/^[ymn]$/.test(value)) {
      const culprit = whyNot(value, lookup);
      return { value: culprit === null ? 'y' : 'n', why: 'its default' };
    }
    return { value, why: 'its default' };
  }
  return { value: off, why: 'no default' };
}
