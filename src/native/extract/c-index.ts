// SPDX-License-Identifier: GPL-2.0-only
/** What the C files of a tree define, by name: functions, prototypes, macros, enums, structures, types, variables. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { activeLines, type Configuration } from './active-lines.js';
import { type CNode, parseC } from './c-parser.js';

/** A parameter as it is written, and its name; '' when it has none. */
export interface Parameter {
  readonly text: string;
  readonly name: string;
}

/** A function's declarator: what it returns and takes. */
export interface Prototype {
  readonly file: string;
  readonly name: string;
  /** without storage class and inline */
  readonly returns: string;
  readonly parameters: readonly Parameter[];
}

export interface CFunction extends Prototype {
  /** 1-based line of `text` */
  readonly line: number;
  /** the whole definition, as written */
  readonly text: string;
  /** where in `text` its name stands, and where its body begins */
  readonly nameAt: number;
  readonly bodyAt: number;
}

/** A macro, a type or an enum: its text defines the names. */
export interface CText {
  readonly file: string;
  readonly text: string;
}

export interface CStruct {
  readonly file: string;
  /** `struct` or `union` */
  readonly keyword: string;
  readonly name: string;
  readonly body: CNode;
}

export interface CVariable {
  readonly file: string;
  readonly name: string;
  /** its declaration without storage class and initialiser; per CPU, an array of what each CPU has */
  readonly text: string;
  readonly isExtern: boolean;
  /** where it is defined with a value that `text` has not: 1-based first and last line, and the value */
  readonly initial: { readonly line: number; readonly end: number; readonly value: string } | null;
}

/** One file, indexed. */
export interface CFile {
  readonly file: string;
  readonly functions: ReadonlyMap<string, CFunction>;
  readonly prototypes: ReadonlyMap<string, Prototype>;
  readonly macros: ReadonlyMap<string, CText>;
  /** by enumerator */
  readonly enums: ReadonlyMap<string, CText>;
  /** `struct kvm` */
  readonly structs: ReadonlyMap<string, CStruct>;
  readonly typedefs: ReadonlyMap<string, CText>;
  readonly variables: ReadonlyMap<string, CVariable>;
}

const STORAGE =
  /\b(?:static|extern|inline|__always_inline|__inline__|noinline|noinstr|asmlinkage|__weak|__init|notrace|__must_check|__visible|__cold|__read_mostly|__ro_after_init|__maybe_unused|__used)\b/g;
/** Comments in declarations and macros would stand in the way of looking for names. */
export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));

function parameterName(node: CNode): string {
  const declarator = node.childForFieldName('declarator');
  if (declarator === null) return '';
  const identifier = declarator.type === 'identifier' ? declarator : declarator.descendantsOfType('identifier')[0];
  return identifier?.text ?? '';
}

/** The function declarator under a declarator, through pointers and brackets. */
function functionDeclarator(node: CNode | null): CNode | null {
  for (let at = node; at !== null; at = at.childForFieldName('declarator') ?? at.namedChild(0)) {
    if (at.type === 'function_declarator' && at.childForFieldName('declarator')?.type === 'identifier') return at;
    if (!/declarator$/.test(at.type)) return null;
  }
  return null;
}

class Indexer {
  readonly functions = new Map<string, CFunction>();
  readonly prototypes = new Map<string, Prototype>();
  readonly macros = new Map<string, CText>();
  readonly enums = new Map<string, CText>();
  readonly structs = new Map<string, CStruct>();
  readonly typedefs = new Map<string, CText>();
  readonly variables = new Map<string, CVariable>();

  constructor(
    readonly file: string,
    private readonly source: string,
  ) {}

  private text(from: number, to: number): string {
    return this.source.slice(from, to);
  }

  private prototype(start: number, declarator: CNode): Prototype {
    const name = declarator.childForFieldName('declarator')!;
    const list = declarator.childForFieldName('parameters')!;
    const parameters = list.namedChildren
      .filter((child): child is CNode => child !== null && child.type === 'parameter_declaration')
      .map((child) => ({ text: this.text(child.startIndex, child.endIndex), name: parameterName(child) }))
      .filter((parameter) => parameter.text.trim() !== 'void');
    const returns = withoutComments(this.text(start, name.startIndex))
      .replace(STORAGE, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    return { file: this.file, name: name.text, returns, parameters };
  }

  private addFunction(node: CNode): void {
    const declarator = functionDeclarator(node.childForFieldName('declarator'));
    const body = node.childForFieldName('body');
    if (declarator === null || body === null) return;
    const prototype = this.prototype(node.startIndex, declarator);
    if (this.functions.has(prototype.name)) return;
    this.functions.set(prototype.name, {
      ...prototype,
      line: node.startPosition.row + 1,
      text: this.text(node.startIndex, node.endIndex),
      nameAt: declarator.childForFieldName('declarator')!.startIndex - node.startIndex,
      bodyAt: body.startIndex - node.startIndex,
    });
  }

  private addDeclaration(node: CNode): void {
    const whole = withoutComments(this.text(node.startIndex, node.endIndex));
    for (const declarator of node.childrenForFieldName('declarator')) {
      if (declarator === null) continue;
      const called = functionDeclarator(declarator);
      if (called !== null) {
        const prototype = this.prototype(node.startIndex, called);
        if (!this.prototypes.has(prototype.name)) this.prototypes.set(prototype.name, prototype);
        continue;
      }
      const initialised = declarator.type === 'init_declarator';
      const plain = initialised ? declarator.childForFieldName('declarator')! : declarator;
      const name = plain.type === 'identifier' ? plain : plain.descendantsOfType('identifier')[0];
      const type = node.childForFieldName('type');
      if (name === null || name === undefined || type === null) continue;
      if (this.variables.get(name.text)?.isExtern === false) continue;
      // a type that is defined on the spot is not ours to repeat
      const typeText = type.childForFieldName('body') === null ? type.text : type.text.replace(/\{[\s\S]*\}/, '');
      const array = /\[\s*\]/.test(plain.text);
      const isConst = initialised && /\bconst\b/.test(whole.split('=')[0]!);
      const value = initialised ? declarator.childForFieldName('value')?.text : undefined;
      const text = array
        ? whole.replace(STORAGE, ' ').trim()
        : `${isConst ? 'const ' : ''}${typeText} ${plain.text}${isConst ? ` = ${value ?? '0'}` : ''};`;
      const initial =
        value === undefined || array || isConst
          ? null
          : {
              line: node.startPosition.row + 1,
              end: node.endPosition.row + 1,
              value: withoutComments(value).replace(/\s+/g, ' '),
            };
      const isExtern = /\bextern\b/.test(whole);
      this.variables.set(name.text, { file: this.file, name: name.text, text, isExtern, initial });
    }
  }

  private addEnum(node: CNode): void {
    const body = node.childForFieldName('body');
    if (body === null) return;
    const text = `${withoutComments(this.text(node.startIndex, node.endIndex))};`;
    for (const enumerator of body.descendantsOfType('enumerator')) {
      const name = enumerator?.childForFieldName('name')?.text;
      if (name !== undefined) this.enums.set(name, { file: this.file, text });
    }
    const tag = node.childForFieldName('name')?.text;
    if (tag !== undefined) this.enums.set(`enum ${tag}`, { file: this.file, text });
  }

  private addStruct(node: CNode, keyword: string): void {
    const body = node.childForFieldName('body');
    const name = node.childForFieldName('name')?.text;
    if (body === null || name === undefined) return;
    this.structs.set(`${keyword} ${name}`, { file: this.file, keyword, name, body });
  }

  visit(node: CNode, top: boolean): void {
    for (const child of node.namedChildren) {
      if (child === null) continue;
      switch (child.type) {
        case 'function_definition':
          this.addFunction(child);
          this.types(child.childForFieldName('type'));
          break;
        case 'type_definition':
          this.types(child.childForFieldName('type'));
          for (const declarator of child.childrenForFieldName('declarator')) {
            const name =
              declarator?.type === 'type_identifier' ? declarator : declarator?.descendantsOfType('type_identifier')[0];
            if (name)
              this.typedefs.set(name.text, { file: this.file, text: this.text(child.startIndex, child.endIndex) });
          }
          break;
        case 'declaration':
          this.types(child.childForFieldName('type'));
          if (top) this.addDeclaration(child);
          break;
        case 'struct_specifier':
        case 'union_specifier':
        case 'enum_specifier':
          this.types(child);
          break;
        case 'ERROR':
        case 'linkage_specification':
        case 'declaration_list':
          this.visit(child, top);
          break;
        default:
          break;
      }
    }
  }

  /** Structures and enums in a type, and in the fields of it. */
  private types(node: CNode | null): void {
    if (node === null) return;
    for (const found of [node, ...node.descendantsOfType(['struct_specifier', 'union_specifier', 'enum_specifier'])]) {
      if (found === null) continue;
      if (found.type === 'enum_specifier') this.addEnum(found);
      else if (found.type === 'struct_specifier') this.addStruct(found, 'struct');
      else if (found.type === 'union_specifier') this.addStruct(found, 'union');
    }
  }

  /** What only a macro declares: per-CPU variables, tracepoints, the operations of kvm_x86_ops. */
  macroDeclarations(): void {
    // WHY not the parser: it ends a macro at a comment inside it
    for (const [whole, name] of this.source.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)(?:[^\n]*\\\n)*[^\n]*/gm))
      this.macros.set(name!, { file: this.file, text: whole });
    const text = withoutComments(this.source);
    for (const [, type, name] of text.matchAll(
      /^(?:static )?DEFINE_PER_CPU(?:_\w+)?\(([^,()]+(?:\([^()]*\))?[^,()]*),\s*(\w+)\)/gm,
    )) {
      this.variables.set(name!, {
        file: this.file,
        name: name!,
        text: `${type!.trim()} ${name}__per_cpu[4];\n#define ${name} ${name}__per_cpu[extract_cpu]`,
        isExtern: false,
        initial: null,
      });
    }
    for (const [, name, list] of text.matchAll(
      /^(?:TRACE_EVENT|TRACE_EVENT_CONDITION)\((\w+),\s*TP_PROTO\(([^()]*)\)/gm,
    )) {
      this.prototypes.set(`trace_${name}`, this.written(`trace_${name}`, 'void', list!.replaceAll('\\\n', ' ')));
    }
    const ops = this.structs.get('struct kvm_x86_ops');
    const opsText = ops === undefined ? '' : withoutComments(this.text(ops.body.startIndex, ops.body.endIndex));
    for (const [, returns, name, list] of opsText.matchAll(/([\w \t*]+)\(\*(\w+)\)\(([^()]*)\)/g)) {
      this.prototypes.set(`kvm_x86_${name}`, this.written(`kvm_x86_${name}`, returns!.trim(), list!));
    }
  }

  private written(name: string, returns: string, list: string): Prototype {
    const parameters = list
      .replace(
        /\b[A-Z][A-Z_]+\b/g,
        (name) => /^\s*#\s*define\s+\w+\s+(.*)$/.exec(this.macros.get(name)?.text ?? '')?.[1] ?? name,
      )
      .split(',')
      .map((text) => text.trim().replace(/\s+/g, ' '))
      .filter((text) => text !== 'void' && text !== '')
      .map((text) => ({ text, name: /(\w+)(?:\[\])?$/.exec(text)?.[1] ?? '' }));
    return { file: this.file, name, returns, parameters };
  }
}

/** Indexes a file; null when the tree has none of that name. */
export async function indexFile(dir: string, file: string, configuration: Configuration): Promise<CFile | null> {
  const path = join(dir, file);
  if (!existsSync(path)) return null;
  // WHY blank: the parser takes these macros for the type of the member behind them
  const text = readFileSync(path, 'utf8').replace(/\brandomized_struct_fields_(?:start|end)\b/g, (word) =>
    ' '.repeat(word.length),
  );
  const source = activeLines(text, configuration);
  const indexer = new Indexer(file, source);
  indexer.visit(await parseC(source), true);
  indexer.macroDeclarations();
  return indexer;
}
