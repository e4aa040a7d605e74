// SPDX-License-Identifier: GPL-2.0-only
/** Kernel modules whose branches say that they have run: lines stay where they are. */
import type ts from 'typescript';
import { BRANCHES, ENTERED, type SiteTuple } from '../fuzz/branch-counts.js';
import { compiler } from './typescript.js';

/** The line of the source, from 1, of a place in the text, both from 0; null where it has none. */
export type LineOf = (line: number, column: number) => number | null;

/**
 * The module with its branches counted.
 *
 * @param shown what the file is called: part of the names of its branches, so the same everywhere
 */
export function countedSource(text: string, file: string, shown: string, lineOf: LineOf): string {
  const counter = new Counter(text, compiler.createSourceFile(file, text, compiler.ScriptTarget.ES2022, true), lineOf);
  const body = counter.emit(counter.root);
  if (counter.sites.length === 0) return text;
  const sites = JSON.stringify(counter.sites);
  const head = `const [__b, __h] = ${BRANCHES}(${JSON.stringify(shown)}, ${sites}), __p = ${ENTERED};`;
  return `${head}${body}`;
}

class Counter {
  readonly sites: SiteTuple[] = [];

  constructor(
    private readonly text: string,
    readonly root: ts.SourceFile,
    private readonly lineOf: LineOf,
  ) {}

  /** The node's text, trivia before it included, with everything in it counted. */
  emit(node: ts.Node): string {
    const inner = this.inside(node);
    return this.wrapped(node, inner);
  }

  private inside(node: ts.Node): string {
    let out = '';
    let at = node.getFullStart();
    const own = this.entry(node);
    compiler.forEachChild(node, (child) => {
      out += this.text.slice(at, child.getFullStart()) + this.emit(child);
      at = child.getEnd();
    });
    out += this.text.slice(at, node.getEnd());
    if (own === null) return out;
    // behind the brace or colon that opens it
    const opens = own.after - node.getFullStart();
    return out.slice(0, opens) + own.code + out.slice(opens);
  }

  /** Code at the head of a block, and the place behind which it goes: nothing in front of it is changed. */
  private entry(node: ts.Node): { after: number; code: string } | null {
    if (compiler.isBlock(node) && isBody(node)) {
      const fn = compiler.isFunctionLike(node.parent);
      const name = nameOf(node);
      const enters = fn && name !== '' ? ` __p(${shortHash(name)});` : '';
      return { after: node.getStart() + 1, code: ` ${this.hit(node, fn ? 'function' : 'block')};${enters}` };
    }
    return null;
  }

  private wrapped(node: ts.Node, inner: string): string {
    const { parent } = node;
    if (parent === undefined) return inner;
    const lead = node.getStart() - node.getFullStart();
    const [trivia, core] = [inner.slice(0, lead), inner.slice(lead)];
    if (compiler.isIfStatement(node) && node.elseStatement === undefined)
      return `${trivia}${core} else { ${this.hit(node, 'else')}; }`;
    if (isLoneStatement(node)) return `${trivia}{ ${this.hit(node, 'block')}; ${core} }`;
    if (compiler.isConditionalExpression(parent) && node !== parent.condition && compiler.isExpression(node))
      return `${trivia}(${this.hit(node, 'part')}, ${core})`;
    if (isSecondOperand(node)) return `${trivia}(${this.hit(node, 'part')}, ${core})`;
    if (compiler.isArrowFunction(parent) && parent.body === node && !compiler.isBlock(node))
      return `${trivia}(${this.hit(node, 'function')}, ${core})`;
    if (compiler.isCaseOrDefaultClause(parent) && parent.statements[0] === node)
      return `${trivia}${this.hit(parent, 'block')}; ${core}`;
    return inner;
  }

  private hit(node: ts.Node, kind: SiteTuple[3]): string {
    const line = (at: number): number | null => {
      const { line, character } = this.root.getLineAndCharacterOfPosition(at);
      return this.lineOf(line, character);
    };
    const from = line(node.getStart()) ?? 0;
    const to = kind === 'else' ? from : (line(node.getEnd() - 1) ?? from);
    const i = this.sites.push([nameOf(node), from, Math.max(from, to), kind]) - 1;
    return `__b[${i}] || __h(${i})`;
  }
}

/**
 * 16 bits of FNV-1a. WHY its own: this module is loaded by a hook, behind the hook that counts loops, and may import nothing that
 * one of them changes.
 */
function shortHash(text: string): number {
  let h = 0x811c_9dc5;
  for (const c of text) h = Math.imul(h ^ (c.codePointAt(0) ?? 0), 0x0100_0193);
  return (h ^ (h >>> 16)) & 0xffff;
}

/** Of a function, a loop or the side of a condition. */
function isBody(node: ts.Block): boolean {
  const { parent } = node;
  if (compiler.isFunctionLike(parent) || compiler.isCatchClause(parent)) return true;
  if (compiler.isIfStatement(parent)) return true;
  return compiler.isIterationStatement(parent, false);
}

/** The side of a condition, or the body of a loop, without braces. */
function isLoneStatement(node: ts.Node): boolean {
  const { parent } = node;
  if (compiler.isBlock(node) || !compiler.isStatement(node)) return false;
  if (compiler.isIfStatement(parent)) return parent.thenStatement === node || parent.elseStatement === node;
  return compiler.isIterationStatement(parent, false) && parent.statement === node;
}

/** b of `a && b`, `a || b`, `a ?? b` */
function isSecondOperand(node: ts.Node): boolean {
  const { parent } = node;
  if (!compiler.isBinaryExpression(parent) || parent.right !== node) return false;
  const { kind } = parent.operatorToken;
  return (
    kind === compiler.SyntaxKind.AmpersandAmpersandToken ||
    kind === compiler.SyntaxKind.BarBarToken ||
    kind === compiler.SyntaxKind.QuestionQuestionToken
  );
}

/** The innermost function with a name around a node, or that it is the body of; '' outside all. */
function nameOf(node: ts.Node): string {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    if (!compiler.isFunctionLike(at)) continue;
    const { parent } = at;
    const named = compiler.isPropertyAssignment(parent) || compiler.isVariableDeclaration(parent);
    const own = at.name?.getText() ?? (named ? parent.name.getText() : '');
    if (own !== '') return own;
  }
  return '';
}
