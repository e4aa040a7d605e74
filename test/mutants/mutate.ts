// SPDX-License-Identifier: GPL-2.0-only
/** Small mistakes, put systematically into functions of a compiled module, one at a time. */
import ts from 'typescript';

export interface Mutant {
  /** the function that it is in */
  fn: string;
  /** of the compiled module, from 1 */
  line: number;
  /** `s64_lt -> s64_le`, `dropped: this.update_curr(cfs_rq);` */
  what: string;
  /** the module with it */
  text: string;
}

interface Edit {
  at: number;
  end: number;
  by: string;
  what: string;
}

/** Operators, each with what it is mistaken for. */
const OPERATORS = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.AmpersandToken, '|'],
  [ts.SyntaxKind.BarToken, '&'],
]);

/** Functions of 64-bit integers, each with what it is mistaken for. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ lt: 'le', le: 'lt', gt: 'ge', ge: 'gt', s64_lt: 's64_le', s64_le: 's64_lt', s64_gt: 's64_ge', s64_ge: 's64_gt' },
  ...{ add: 'sub', sub: 'add', s64_add: 's64_sub', s64_sub: 's64_add', max: 'min', min: 'max', shl: 'shr', shr: 'shl' },
};

/** Of two operands, where their order matters. */
const ORDERED = new Set(['sub', 's64_sub', 's64_diff', 'lt', 'gt', 's64_lt', 's64_gt']);

/** What only tells somebody, and computes nothing. */
const TELLS = /\b(?:trace_|schedstat|warnOn|__update_stats|update_stats)/;

/** Every mutant of the functions named. */
export function mutantsOf(source: string, functions: ReadonlySet<string>): Mutant[] {
  const root = ts.createSourceFile('module.js', source, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const known = namesOf(root);
  return root.statements
    .filter(ts.isFunctionDeclaration)
    .filter((it) => it.name !== undefined && functions.has(it.name.text))
    .flatMap((it) => {
      const edits: Edit[] = [];
      const visit = (node: ts.Node): void => {
        edits.push(...editsAt(node, known));
        ts.forEachChild(node, visit);
      };
      if (it.body !== undefined) visit(it.body);
      return edits.map(({ at, end, by, what }) => ({
        fn: it.name?.text ?? '',
        line: root.getLineAndCharacterOfPosition(at).line + 1,
        what,
        text: source.slice(0, at) + by + source.slice(end),
      }));
    });
}

/** Names that the module imports. */
function namesOf(root: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  for (const it of root.statements) {
    if (!ts.isVariableStatement(it)) continue;
    for (const { name } of it.declarationList.declarations) if (ts.isIdentifier(name)) names.add(name.text);
  }
  return names;
}

function editsAt(node: ts.Node, known: ReadonlySet<string>): Edit[] {
  const edit = (of: ts.Node, by: string, what: string): Edit => ({ at: of.getStart(), end: of.getEnd(), by, what });
  const short = (of: ts.Node): string => of.getText().replace(/\s+/g, ' ').slice(0, 60);
  if (ts.isExpressionStatement(node) && !TELLS.test(node.getText()))
    return [edit(node, ';', `dropped: ${short(node)}`)];
  if (ts.isIfStatement(node)) {
    const { expression } = node;
    return ['true', 'false'].map((by) => edit(expression, by, `if (${short(expression)}) -> if (${by})`));
  }
  if (ts.isReturnStatement(node) && node.expression === undefined) return [edit(node, ';', 'dropped: return')];
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [edit(node, 'false', 'true -> false')];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [edit(node, 'true', 'false -> true')];
  if (ts.isNumericLiteral(node) && Number(node.text) <= 64)
    return [edit(node, String(Number(node.text) + 1), `${node.text} -> ${Number(node.text) + 1}`)];
  if (ts.isBinaryExpression(node)) {
    const by = OPERATORS.get(node.operatorToken.kind);
    return by === undefined ? [] : [edit(node.operatorToken, by, `${short(node)}: ${by}`)];
  }
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) ? wordEdits(node, node.expression, known) : [];

  function wordEdits(call: ts.CallExpression, name: ts.Identifier, there: ReadonlySet<string>): Edit[] {
    const edits: Edit[] = [];
    const other = WORDS[name.text];
    if (other !== undefined && there.has(other)) edits.push(edit(name, other, `${short(call)}: ${other}`));
    const [a, b] = call.arguments;
    if (ORDERED.has(name.text) && a !== undefined && b !== undefined) {
      const by = `${name.text}(${b.getText()}, ${a.getText()})`;
      edits.push(edit(call, by, `${short(call)} -> ${by}`));
    }
    return edits;
  }
}
