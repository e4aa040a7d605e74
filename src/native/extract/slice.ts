// SPDX-License-Identifier: GPL-2.0-only
/**
 * Cuts functions out of a kernel tree, each to be called alone: with the macros, enums, types and helpers that they
 * use, structures cut down to the members that are used, and a stand-in for every mirrored function that they call.
 * All text comes from the tree as it is now, patched or not.
 */
import type { CFile, CFunction, CStruct, CVariable, Prototype } from './c-index.js';
import { withoutComments } from './c-index.js';
import type { CNode } from './c-parser.js';

/** A function to be held: where it is, and what the model calls it. */
export interface Held {
  readonly file: string;
  readonly name: string;
  /** its name in the model's table; unique */
  readonly as: string;
}

/** A stand-in: records its call, and answers what the script says. */
export interface StandIn {
  /** the model's name of the function */
  readonly as: string;
  /** null when nothing declares it: then no arguments are recorded */
  readonly prototype: Prototype | null;
  /** whether the model has it; one that it lacks is called by C alone */
  readonly mirrored: boolean;
}

/** What is cut, and how. */
export interface Cut {
  readonly files: ReadonlyMap<string, CFile>;
  /** files in which a name is looked for, the first that has it first */
  readonly order: readonly string[];
  /** files of which structures are taken, when no other file has them */
  readonly structures: readonly CFile[];
  /** functions of these files that run as they are and are no stand-ins */
  readonly leaves: ReadonlyMap<string, CFunction>;
  readonly held: readonly Held[];
  /** the model's name of a function that a file calls by this name; null when the model has none */
  modelName(file: string, name: string): string | null;
  /** macros in place of functions that the model leaves out, by name */
  readonly absent: ReadonlyMap<string, string>;
  /** names that the text everything is compiled against defines */
  readonly base: ReadonlySet<string>;
  /** C expressions that read or write state: their members are used too */
  readonly accessed: readonly string[];
}

/** A member of a structure that is used. */
export interface Member {
  /** below the structure: names of unnamed and inline structures that it lies in, and its own */
  readonly path: string;
  /** as declared, without the declarator: `unsigned int` */
  readonly type: string;
  /** `wants_to_run`, `*apic`, `regs[17]`, `vmx_l1d_flush : 1` */
  readonly declarator: string;
}

/** The pieces of the C text, in order. */
export interface Slice {
  readonly types: string;
  readonly variables: string;
  readonly functions: string;
  readonly standIns: readonly StandIn[];
  /** functions of the tree that are not mirrored, and run as they are */
  readonly helpers: readonly CFunction[];
  /** by Held.as: the stand-ins that its text, or its helpers', can call */
  readonly callees: ReadonlyMap<string, readonly string[]>;
  /** by Held.as: identifiers of its text and its helpers' */
  readonly mentions: ReadonlyMap<string, ReadonlySet<string>>;
  /** held functions that the tree does not have */
  readonly missing: readonly Held[];
  /** by Held.as: keys of helpers and macros (`c:file:name`) it reaches */
  readonly reaches: ReadonlyMap<string, ReadonlySet<string>>;
  readonly structs: ReadonlySet<string>;
  /** by structure or union: its members that are used */
  readonly members: ReadonlyMap<string, readonly Member[]>;
  /** variables that are used */
  readonly variableList: readonly CVariable[];
  /** variables, all files': name to declaration */
  readonly variableNames: ReadonlySet<string>;
}

const KEYWORDS = new Set(
  (
    'if else while for do switch case default break continue return goto sizeof typeof __typeof__ struct union enum const ' +
    'volatile static extern inline unsigned signed int long short char void float double register asm __asm__ ' +
    'defined _Bool _Generic __attribute__ true false NULL'
  ).split(' '),
);

/** Identifiers in a text that are not members: what has to be defined. */
function names(text: string): { name: string; called: boolean }[] {
  const found: { name: string; called: boolean }[] = [];
  const plain = withoutComments(text).replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""');
  for (const match of plain.matchAll(/(\.\s*|->\s*)?\b([A-Za-z_]\w*)\b(\s*\()?/g)) {
    // `...` before a name is no member
    if (match[1] !== undefined && !plain.slice(0, match.index).endsWith('.')) continue;
    if (!KEYWORDS.has(match[2]!)) found.push({ name: match[2]!, called: match[3] !== undefined });
  }
  return found;
}

const words = (text: string): string[] => withoutComments(text).match(/[A-Za-z_]\w*/g) ?? [];

class Cutter {
  private readonly used = new Set<string>();
  private readonly seen = new Set<string>();
  private readonly macros: string[] = [];
  private readonly types: string[] = [];
  private readonly helpers: CFunction[] = [];
  private readonly renames = new Map<string, Map<string, string>>();
  private readonly variables = new Map<string, CVariable>();
  private readonly standIns = new Map<string, StandIn>();
  private readonly structWanted = new Set<string>();
  private readonly structDone = new Set<string>();
  private readonly kept = new Map<string, Member[]>();
  /** C functions by file and name, whole text: helper or held */
  private readonly callsOf = new Map<string, Set<string>>();
  private readonly mentionsOf = new Map<string, Set<string>>();

  constructor(private readonly cut: Cut) {}

  private *candidates(file: string): Iterable<CFile> {
    const own = this.cut.files.get(file);
    if (own !== undefined) yield own;
    for (const other of this.cut.order) if (other !== file) yield this.cut.files.get(other)!;
  }

  private find<T>(file: string, of: (f: CFile) => T | undefined): T | undefined {
    for (const candidate of this.candidates(file)) {
      const found = of(candidate);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Everything that `text`, standing in `file`, needs. Its stand-ins and helpers are noted under `owner`. */
  need(text: string, file: string, owner: string): void {
    const calls = this.callsOf.get(owner) ?? new Set();
    const mentions = this.mentionsOf.get(owner) ?? new Set();
    this.callsOf.set(owner, calls);
    this.mentionsOf.set(owner, mentions);
    const spelled = text
      .replace(/\bkvm_x86_call\((\w+)\)/g, 'kvm_x86_$1')
      .replace(/\bstatic_call(?:_cond)?\((\w+)\)/g, '$1');
    for (const word of words(spelled)) {
      this.used.add(word);
      mentions.add(word);
    }
    for (const match of withoutComments(text).matchAll(/\b(struct|union)\s+(\w+)/g))
      this.structWanted.add(`${match[1]} ${match[2]}`);
    for (const match of withoutComments(text).matchAll(/\benum\s+(\w+)/g)) this.enumNamed(`enum ${match[1]}`, file);
    for (const { name, called } of names(spelled)) this.name(name, called, file, calls);
  }

  private enumNamed(name: string, file: string): void {
    const found = this.find(file, (f) => f.enums.get(name));
    if (found !== undefined) this.addEnum(found.text, found.file);
  }

  private addEnum(text: string, file: string): void {
    if (this.seen.has(text)) return;
    this.seen.add(text);
    this.need(text.slice(text.indexOf('{')), file, 'types');
    this.types.push(text);
  }

  private name(name: string, called: boolean, file: string, calls: Set<string>): void {
    if (this.cut.base.has(name) || this.cut.absent.has(name) || name.startsWith('__builtin_')) return;
    const leaf = this.cut.leaves.get(name);
    if (leaf !== undefined) {
      calls.add(`c:${leaf.file}:${name}`);
      this.addHelper(leaf);
      return;
    }
    const model = this.cut.modelName(file, name);
    if (model !== null) {
      calls.add(model);
      if (model !== name) this.rename(file, name, model);
      if (!this.standIns.has(model)) this.addStandIn(model, name, file, true);
      return;
    }
    // another .c file's functions are not compiled into this one's
    const helper = this.find(file, (f) =>
      f.file === file || f.file.endsWith('.h') ? f.functions.get(name) : undefined,
    );
    if (helper !== undefined && (called || helper.file === file)) {
      calls.add(`c:${helper.file}:${name}`);
      this.addHelper(helper);
      return;
    }
    const macro = this.find(file, (f) => f.macros.get(name));
    if (macro !== undefined) {
      const key = `c:macro:${name}`;
      calls.add(key);
      if (this.seen.has(key)) return;
      this.seen.add(key);
      this.need(macro.text.replace(/^\s*#\s*define\s+\w+/, ''), macro.file, key);
      // what it pastes together can be any macro of its file that fits
      for (const [, prefix, suffix = ''] of macro.text.matchAll(/\b(\w{4,})\s*##\s*\w+(?:\s*##\s*(\w+))?/g)) {
        for (const pasted of this.cut.files.get(macro.file)!.macros.keys())
          if (pasted.startsWith(prefix!) && pasted.endsWith(suffix)) this.name(pasted, false, macro.file, calls);
      }
      this.macros.push(macro.text.trimEnd());
      return;
    }
    if (this.seen.has(`name ${name}`)) {
      if (this.standIns.has(name)) calls.add(name);
      return;
    }
    if (this.isType(name, file)) return;
    if (called) {
      calls.add(name);
      this.seen.add(`name ${name}`);
      this.addStandIn(name, name, file, false);
      return;
    }
    const variable = this.find(file, (f) => {
      const found = f.variables.get(name);
      return found;
    });
    if (variable !== undefined && !this.variables.has(name)) {
      this.variables.set(name, variable);
      this.need(
        variable.text.replace(/\n.*/, '').replace(new RegExp(`\\b${name}(__per_cpu)?\\b`), ''),
        variable.file,
        'types',
      );
    }
  }

  /** Whether it is an enumerator or a type, which then is taken along. */
  private isType(name: string, file: string): boolean {
    const enumerator = this.find(file, (f) => f.enums.get(name));
    const typedef = this.find(file, (f) => f.typedefs.get(name));
    if (enumerator === undefined && typedef === undefined) return false;
    this.seen.add(`name ${name}`);
    if (enumerator !== undefined) this.addEnum(enumerator.text, enumerator.file);
    else if (typedef !== undefined) {
      this.need(typedef.text.replace(/\btypedef\b/, ''), typedef.file, 'types');
      this.types.push(typedef.text);
    }
    return true;
  }

  /** In `file`, `name` means the function that the model calls `model`. */
  private rename(file: string, name: string, model: string): void {
    const list = this.renames.get(file) ?? new Map<string, string>();
    this.renames.set(file, list.set(name, model));
  }

  private renamed(file: string, text: string): string {
    const list = [...(this.renames.get(file) ?? [])].filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
    const before = list.map(([name, model]) => `#define ${name} ${model}\n`).join('');
    return `${before}${text}${list.map(([name]) => `#undef ${name}\n`).join('')}`;
  }

  private addStandIn(as: string, name: string, file: string, mirrored: boolean): void {
    const prototype =
      this.find(file, (f) => f.functions.get(name)) ??
      this.find(file, (f) => f.prototypes.get(name)) ??
      this.find(file, (f) => f.functions.get(as) ?? f.prototypes.get(as)) ??
      null;
    this.standIns.set(as, { as, prototype, mirrored });
    if (prototype === null) return;
    const signature = [prototype.returns, ...prototype.parameters.map((p) => p.text)].join(', ');
    for (const parameter of prototype.parameters) this.structsOf(parameter.text);
    for (const word of words(signature)) this.typeName(word, prototype.file);
    for (const match of signature.matchAll(/\benum\s+(\w+)/g)) this.enumNamed(`enum ${match[1]}`, prototype.file);
    this.structsOf(signature);
  }

  private structsOf(text: string): void {
    for (const match of text.matchAll(/\b(struct|union)\s+(\w+)/g)) this.structWanted.add(`${match[1]} ${match[2]}`);
  }

  private typeName(word: string, file: string): void {
    if (this.cut.base.has(word) || this.seen.has(`name ${word}`)) return;
    const typedef = this.find(file, (f) => f.typedefs.get(word));
    if (typedef === undefined) return;
    this.seen.add(`name ${word}`);
    this.need(typedef.text.replace(/\btypedef\b/, ''), typedef.file, 'types');
    this.types.push(typedef.text);
  }

  private addHelper(helper: CFunction): void {
    const key = `c:${helper.file}:${helper.name}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.need(withoutComments(helper.text).replace(new RegExp(`\\b${helper.name}\\b`), ''), helper.file, key);
    this.helpers.push(helper);
  }

  addHeld(held: Held, f: CFunction): string {
    this.need(`${f.returns} ${f.text.slice(f.nameAt + f.name.length)}`, f.file, held.as);
    const head = f.text.slice(0, f.nameAt).replace(/\b(static|inline|__always_inline|__weak)\b/g, '');
    return `#line ${f.line} "${f.file}"\n${head}held_${held.as}${f.text.slice(f.nameAt + f.name.length)}\n`;
  }

  // ---- structures ---------------------------------------------------------------------------------------------------

  /** The members of a list that are used, as C. Structures that they hold are cut first. */
  private members(list: CNode, struct: CStruct, at: string, path = ''): string {
    const kept: string[] = [];
    for (const field of list.namedChildren) {
      if (field === null || field.type !== 'field_declaration') continue;
      const text = withoutComments(field.text);
      const macro = /^\s*DECLARE_(?:BITMAP|FLEX_ARRAY|HASHTABLE)\s*\(\s*([\w\s]+?)\s*,/.exec(text);
      const declarators = field.childrenForFieldName('declarator').filter((d): d is CNode => d !== null);
      const fieldNames =
        macro !== null
          ? [macro[1]!.split(/\s+/).pop()!]
          : declarators.map((d) =>
              d.type === 'field_identifier' ? d.text : (d.descendantsOfType('field_identifier')[0]?.text ?? ''),
            );
      if (fieldNames.length > 0 && !fieldNames.some((name) => this.used.has(name))) continue;
      const type = field.childForFieldName('type');
      const body = type?.childForFieldName('body') ?? null;
      if (type !== null && body !== null && /^(struct|union)_specifier$/.test(type.type)) {
        const inner = this.members(body, struct, at, fieldNames.length === 0 ? path : `${path}${fieldNames[0]}.`);
        if (inner.trim() === '' && fieldNames.length === 0) continue;
        const keyword = type.type === 'struct_specifier' ? 'struct' : 'union';
        const tag = type.childForFieldName('name')?.text ?? '';
        const behind = declarators.map((d) => d.text).join(', ');
        kept.push(`${keyword} ${tag} {\n${inner}} ${behind};`);
        if (tag !== '') this.structDone.add(`${keyword} ${tag}`);
        continue;
      }
      const pointer = declarators.some(
        (d) => d.descendantsOfType('function_declarator').length > 0 || d.type === 'function_declarator',
      );
      if (pointer && macro === null) {
        kept.push(`long (*${fieldNames[0]})();`);
        continue;
      }
      this.fieldTypes(text, struct, declarators);
      kept.push(text);
      if (macro === null) this.note(at, path, withoutComments(type?.text ?? ''), fieldNames, field, declarators);
    }
    return kept.map((line) => `\t${line}\n`).join('');
  }

  /** Members of the structure `at`, for whoever reads and writes them. */
  private note(
    at: string,
    path: string,
    type: string,
    fieldNames: readonly string[],
    field: CNode,
    declarators: readonly CNode[],
  ): void {
    const bits = field.namedChildren.some((child) => child?.type === 'bitfield_clause');
    const list = this.kept.get(at) ?? [];
    this.kept.set(at, list);
    declarators.forEach((d, i) => {
      const declarator = withoutComments(d.text);
      list.push({ path: `${path}${fieldNames[i]}`, type, declarator: bits ? `${declarator} : bits` : declarator });
    });
  }

  private fieldTypes(text: string, struct: CStruct, declarators: readonly CNode[]): void {
    const byValue = declarators.some((d) => !/^\s*\*/.test(d.text));
    for (const match of text.matchAll(/\b(struct|union)\s+(\w+)/g)) {
      const name = `${match[1]} ${match[2]}`;
      if (byValue) this.struct(name, struct.file);
      else this.structWanted.add(name);
    }
    for (const match of text.matchAll(/\benum\s+(\w+)/g)) this.enumNamed(`enum ${match[1]}`, struct.file);
    for (const { name, called } of names(text.replace(/\b(struct|union|enum)\s+\w+/g, ' '))) {
      if (!called && !declarators.some((d) => d.text === name)) this.name(name, false, struct.file, new Set());
    }
  }

  private struct(name: string, file: string): void {
    if (this.structDone.has(name) || this.cut.base.has(name)) return;
    this.structDone.add(name);
    const others = () => this.cut.structures.map((f) => f.structs.get(name)).find((struct) => struct !== undefined);
    const found = this.find(file, (f) => f.structs.get(name)) ?? others();
    const body = found === undefined ? '' : this.members(found.body, found, name);
    this.types.push(`${name} {\n${body}};`);
  }

  run(): Slice {
    const heldTexts: string[] = [];
    const missing: Held[] = [];
    for (const text of this.cut.accessed) for (const word of words(text)) this.used.add(word);
    const heldFunctions: [Held, CFunction][] = [];
    for (const held of this.cut.held) {
      const f = this.cut.files.get(held.file)?.functions.get(held.name);
      if (f === undefined) missing.push(held);
      else heldFunctions.push([held, f]);
    }
    for (const [held, f] of heldFunctions) heldTexts.push(this.addHeld(held, f));
    for (const text of this.cut.accessed) this.need(text.replace(/__per_cpu\b/g, ''), this.cut.order[0]!, 'accessed');
    // cutting a structure can want more of them
    for (let before = -1; before !== this.structDone.size; ) {
      before = this.structDone.size;
      for (const name of [...this.structWanted]) this.struct(name, this.cut.order[0]!);
    }
    return {
      types: [...this.macros, ...[...this.structDone].map((name) => `${name};`), ...this.types].join('\n'),
      variables: [...this.variables.values()].map((v) => v.text).join('\n'),
      functions: [
        ...this.helpers.map((h) => this.renamed(h.file, helperText(h))),
        ...heldTexts.map((text, i) => this.renamed(heldFunctions[i]![0].file, text)),
      ].join('\n'),
      helpers: this.helpers,
      standIns: [...this.standIns.values()],
      callees: new Map(this.cut.held.map((h) => [h.as, this.reachable(h.as, this.callsOf)])),
      mentions: new Map(this.cut.held.map((h) => [h.as, this.allMentions(h.as)])),
      missing,
      reaches: new Map(this.cut.held.map((h) => [h.as, this.reachedHelpers(h.as)])),
      structs: this.structDone,
      members: this.kept,
      variableList: [...this.variables.values()],
      variableNames: new Set(this.variables.keys()),
    };
  }

  private reachable(from: string, graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
    const done = new Set<string>();
    const found = new Set<string>();
    const go = (at: string): void => {
      if (done.has(at)) return;
      done.add(at);
      for (const next of graph.get(at) ?? []) {
        if (next.startsWith('c:')) go(next);
        else found.add(next);
      }
    };
    go(from);
    return [...found];
  }

  private reachedHelpers(from: string): Set<string> {
    const done = new Set<string>();
    const go = (at: string): void => {
      if (done.has(at)) return;
      done.add(at);
      for (const next of this.callsOf.get(at) ?? []) if (next.startsWith('c:')) go(next);
    };
    go(from);
    return done;
  }

  private allMentions(from: string): Set<string> {
    const all = new Set<string>(this.mentionsOf.get(from));
    const done = new Set<string>();
    const go = (at: string): void => {
      if (done.has(at)) return;
      done.add(at);
      for (const word of this.mentionsOf.get(at) ?? []) all.add(word);
      for (const next of this.callsOf.get(at) ?? []) if (next.startsWith('c:')) go(next);
    };
    go(from);
    return all;
  }
}

const helperText = (h: CFunction): string =>
  `#line ${h.line} "${h.file}"\n${/^\s*static\b/.test(h.text) ? '' : 'static '}${h.text}\n`;

/** Cuts. */
export function slice(cut: Cut): Slice {
  return new Cutter(cut).run();
}
