// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a user's file may not do, so that the same seed gives the same run and a run ends: found in its syntax before it is
 * loaded, and loops that never end found while they run.
 */
import type ts from 'typescript';
import type { Fault } from '../base/faults.js';
import { LOOP_GUARD } from './loop-guard.js';
import { compiler } from './typescript.js';

/**
 * Functions that return before they are done because their task sleeps: what follows the call in C has to stand in a
 * function of its own, named in whenBack().
 */
export const SLEEPERS: readonly string[] = [
  ...['schedule', 'yield_to', 'do_sched_yield', 'kvm_vcpu_yield_to', 'kvm_vcpu_on_spin', 'kvm_vcpu_halt'],
  ...['kvm_vcpu_block', 'vcpu_block', 'vcpu_run', 'vcpu_enter_guest', 'kvm_arch_vcpu_ioctl_run', 'kvm_sched_yield'],
  ...['kvm_emulate_hypercall', 'kvm_hv_hypercall', 'xfer_to_guest_mode_handle_work'],
];

/** Names that give another value each time. */
const CHANCE = new Map([
  ['Date', 'simulated time: this.sched_clock(), rq.clock, m.sched_clock'],
  ['performance', 'simulated time: this.sched_clock(), rq.clock, m.sched_clock'],
  ['crypto', 'what follows from the arguments and this.m'],
]);

export interface Inspected {
  faults: Fault[];
  /** `file:line:column: words` */
  warnings: string[];
}

const parsed = (source: string, file: string): ts.SourceFile =>
  compiler.createSourceFile(file, source, compiler.ScriptTarget.ES2022, true);

/** Looks through one file. `shown` is what it is called in front of the user. */
export function inspectUserCode(source: string, file: string, shown: string): Inspected {
  const root = parsed(source, file);
  const out: Inspected = { faults: [], warnings: [] };
  const at = (node: ts.Node): string => {
    const { line, character } = root.getLineAndCharacterOfPosition(node.getStart());
    return `${shown}:${line + 1}:${character + 1}`;
  };
  const visit = (node: ts.Node): void => {
    const chance = chanceIn(node);
    if (chance !== null)
      out.faults.push({ code: 'chance', place: at(node), expected: chance.expected, got: chance.got });
    const late = compiler.isFunctionLike(node) ? lateCode(node) : null;
    if (late !== null)
      out.warnings.push(
        `${at(late.code)}: this.${late.call}() may return while its task sleeps, and what follows here runs at once; ` +
          'put it into a function of its own (adds) and name that in this.whenBack()',
      );
    compiler.forEachChild(node, visit);
  };
  visit(root);
  for (const statement of root.statements) {
    for (const held of compiler.isVariableStatement(statement) ? heldIn(statement) : [])
      out.warnings.push(
        `${at(held)}: ${held.name.getText()} keeps its value from run to run, so that the same seed may give other ` +
          'bytes; keep state in this.m, a property its notes in watch()',
      );
  }
  return out;
}

/** Chance, or the host's clock. */
function chanceIn(node: ts.Node): { expected: string; got: string } | null {
  const random = {
    expected: 'what follows from the arguments and this.m; fc draws for properties',
    got: 'Math.random',
  };
  if (compiler.isPropertyAccessExpression(node) && isName(node.expression, 'Math') && node.name.text === 'random')
    return random;
  if (compiler.isElementAccessExpression(node) && isName(node.expression, 'Math')) return random;
  if (compiler.isVariableDeclaration(node) && node.initializer !== undefined && isName(node.initializer, 'Math'))
    return random;
  if (!compiler.isIdentifier(node) || !CHANCE.has(node.text)) return null;
  const { parent } = node;
  if (compiler.isPropertyAccessExpression(parent) && parent.name === node) return null;
  if (compiler.isTypeReferenceNode(parent) || (compiler.isPropertyAssignment(parent) && parent.name === node))
    return null;
  return { expected: CHANCE.get(node.text) as string, got: node.text };
}

const isName = (node: ts.Node, name: string): boolean => compiler.isIdentifier(node) && node.text === name;

/** Variables of the module that change, or whose contents are there to change. */
function heldIn(statement: ts.VariableStatement): ts.VariableDeclaration[] {
  const { flags, declarations } = statement.declarationList;
  const isConst = (flags & compiler.NodeFlags.Const) !== 0;
  return declarations.filter(({ initializer: value }) => {
    if (!isConst) return true;
    if (value === undefined) return false;
    if (compiler.isNewExpression(value)) return /^(Weak)?(Map|Set)$|^Array$/.test(value.expression.getText());
    if (compiler.isArrayLiteralExpression(value)) return value.elements.length === 0;
    return compiler.isObjectLiteralExpression(value) && value.properties.length === 0;
  });
}

/** The first statement behind a call that may sleep, in a function that leaves nothing for later. */
function lateCode(fn: ts.SignatureDeclaration): { call: string; code: ts.Node } | null {
  const body = (fn as ts.FunctionLikeDeclaration).body;
  if (body === undefined || !compiler.isBlock(body) || /\bwhenBack\b|\bnotReturned\b/.test(body.getText())) return null;
  let found: { call: string; code: ts.Node } | null = null;
  const visit = (node: ts.Node): void => {
    if (found !== null || (node !== body && compiler.isFunctionLike(node))) return;
    if (compiler.isCallExpression(node) && compiler.isPropertyAccessExpression(node.expression)) {
      const { expression, name } = node.expression;
      if (expression.kind === compiler.SyntaxKind.ThisKeyword && SLEEPERS.includes(name.text)) {
        const code = behind(node, body);
        if (code !== null) found = { call: name.text, code };
      }
    }
    compiler.forEachChild(node, visit);
  };
  visit(body);
  return found;
}

/** What runs next after the statement of a call: not where the statement returns. */
function behind(call: ts.Node, body: ts.Block): ts.Node | null {
  let at: ts.Node = call;
  while (at !== body) {
    if (compiler.isReturnStatement(at)) return null;
    const { parent } = at;
    if (compiler.isBlock(parent)) {
      const next = parent.statements[parent.statements.indexOf(at as ts.Statement) + 1];
      if (next !== undefined && !(compiler.isReturnStatement(next) && isPlain(next.expression))) return next;
      if (next !== undefined) return null;
    }
    if (compiler.isIterationStatement(parent, false) && parent.statement === at) return parent;
    at = parent;
  }
  return null;
}

/** A constant, or nothing: returning it does not look at what has changed meanwhile. */
const isPlain = (value: ts.Expression | undefined): boolean =>
  value === undefined ||
  compiler.isLiteralExpression(value) ||
  compiler.isIdentifier(value) ||
  /^(true|false|null)$/.test(value.getText());

/**
 * The source with a call of the guard at the head of every loop; lines stay where they are.
 *
 * @param shown what the file is called in front of the user, or `file:line:column` for a line and column, both from 0
 */
export function guardLoops(
  source: string,
  file: string,
  shown: string | ((line: number, column: number) => string),
): string {
  const root = parsed(source, file);
  const inserts: { at: number; text: string }[] = [];
  let loops = 0;
  const visit = (node: ts.Node): void => {
    compiler.forEachChild(node, visit);
    if (!compiler.isIterationStatement(node, false)) return;
    const counter = `__turns${loops++}`;
    const { line, character } = root.getLineAndCharacterOfPosition(node.getStart());
    const at = typeof shown === 'string' ? `${shown}:${line + 1}:${character + 1}` : shown(line, character);
    const place = JSON.stringify(`${nameOfFunction(node)} at ${at}`);
    const guard = `${LOOP_GUARD}(++${counter}, ${place});`;
    let outer: ts.Node = node;
    while (compiler.isLabeledStatement(outer.parent)) outer = outer.parent;
    inserts.push({ at: outer.getStart(), text: `{ let ${counter} = 0; ` }, { at: outer.getEnd(), text: ' }' });
    const { statement } = node;
    if (compiler.isBlock(statement)) inserts.push({ at: statement.getStart() + 1, text: ` ${guard}` });
    else inserts.push({ at: statement.getStart(), text: `{ ${guard} ` }, { at: statement.getEnd(), text: ' }' });
  };
  visit(root);
  // from the end; of two at one place the inner loop's was found first and has to stay inside
  const order = inserts
    .map((it, i) => ({ ...it, i }))
    .sort((a, b) => b.at - a.at || (a.text === ' }' ? b.i - a.i : a.i - b.i));
  const pieces: string[] = [];
  let end = source.length;
  for (const { at, text } of order) {
    pieces.push(source.slice(at, end), text);
    end = at;
  }
  return source.slice(0, end) + pieces.reverse().join('');
}

function nameOfFunction(node: ts.Node): string {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (!compiler.isFunctionLike(at)) continue;
    const own =
      at.name?.getText() ??
      (compiler.isPropertyAssignment(at.parent) || compiler.isVariableDeclaration(at.parent)
        ? at.parent.name.getText()
        : '');
    if (own !== '') return `${own}()`;
  }
  return 'the module';
}
