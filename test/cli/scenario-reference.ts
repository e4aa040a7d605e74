// SPDX-License-Identifier: GPL-2.0-only
/** docs/scenarios.md: every member and event, its range from the schema, its meaning from the comment at its type. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { type JsonSchema, scenarioJsonSchema } from '../../src/scenario/json-schema.js';

const sourceOf = (path: string): ts.SourceFile => {
  const text = readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8');
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
};

const commentOf = (node: ts.Node, file: ts.SourceFile): string => commentAt(node.getFullStart(), file);

/** The comment that begins there or after white space, as one line. */
function commentAt(at: number, file: ts.SourceFile): string {
  const ranges = ts.getLeadingCommentRanges(file.text, at) ?? [];
  const last = ranges[ranges.length - 1];
  if (last === undefined) return '';
  const text = file.text.slice(last.pos, last.end).replace(/^\/\*\*?|\*\/$/g, '');
  return text
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Comments of the members of an interface. */
function membersOf(name: string): Map<string, string> {
  const file = sourceOf('scenario/scenario.ts');
  const found = file.statements.find((it) => ts.isInterfaceDeclaration(it) && it.name.text === name);
  const members = found === undefined ? [] : [...(found as ts.InterfaceDeclaration).members];
  return new Map(members.map((it) => [it.name?.getText(file) ?? '', commentOf(it, file)]));
}

/** Comments of the kinds of events, which stand before the bar: of one without any, that of the kind before, with which it stands. */
function eventsOf(): Map<string, string> {
  const file = sourceOf('scenario/events.ts');
  const out = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (ts.isUnionTypeNode(node)) {
      let [end, text] = [node.getFullStart(), ''];
      for (const type of node.types) {
        text = commentAt(end, file) || text;
        end = type.end;
        const kind = /^\{ ev: '(\w+)'/.exec(type.getText(file))?.[1];
        if (kind !== undefined) out.set(kind, text);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return out;
}

/** One of the kinds that have an `op`. */
const isInstruction = (schema: JsonSchema): boolean =>
  JSON.stringify(schema['oneOf'] ?? '').startsWith('[{"type":"object","properties":{"op"');

function typeText(schema: JsonSchema): string {
  if (schema['const'] !== undefined) return `\`${JSON.stringify(schema['const'])}\``;
  if (Array.isArray(schema['enum'])) return schema['enum'].map((it) => `\`${it}\``).join(', ');
  if (schema['minimum'] !== undefined) return `${schema['minimum']} to ${schema['maximum']}`;
  if (isInstruction(schema)) return 'instruction';
  if (schema['oneOf'] !== undefined) return [...new Set((schema['oneOf'] as JsonSchema[]).map(typeText))].join('; or ');
  if (schema['$ref'] !== undefined) return 'event';
  if (schema['type'] === 'array')
    return schema['items'] === undefined ? 'array' : `array of ${typeText(schema['items'] as JsonSchema)}`;
  if (schema['type'] === 'object' && schema['additionalProperties'] !== false) return 'object: name to value';
  if (schema['type'] === 'boolean') return 'true, false';
  if (schema['maxLength'] !== undefined) return `text, at most ${schema['maxLength']}`;
  return schema['type'] === 'object' ? 'object' : 'text';
}

const cell = (text: string): string => text.replace(/\|/g, '\\|');

/** A table, its columns as wide as they need be. */
function table(rows: readonly (readonly string[])[]): string[] {
  const width = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string => `| ${row.map((it, i) => it.padEnd(width[i])).join(' | ')} |`;
  return [line(rows[0]), line(width.map((w) => '-'.repeat(w))), ...rows.slice(1).map(line)];
}

function recordTable(schema: JsonSchema, comments: ReadonlyMap<string, string>): string[] {
  const required = (schema['required'] as string[] | undefined) ?? [];
  const rows = Object.entries(schema['properties'] as Record<string, JsonSchema>).map(([name, it]) => [
    `\`${name}\`${required.includes(name) ? ' *' : ''}`,
    cell(typeText(it)),
    cell(comments.get(name) ?? ''),
  ]);
  return table([['member', 'value', 'meaning'], ...rows]);
}

/** The whole page. */
export function scenarioReference(): string {
  const whole = scenarioJsonSchema() as Record<string, JsonSchema>;
  const properties = whole['properties'] as Record<string, JsonSchema>;
  const items = (name: string): JsonSchema => properties[name]['items'] as JsonSchema;
  const program = (items('tasks')['properties'] as Record<string, JsonSchema>)['program']['items'] as JsonSchema;
  const kinds = (whole['$defs']['event'] as { oneOf: JsonSchema[] }).oneOf;
  const texts = eventsOf();
  const membersText = (it: JsonSchema, skip: string): string =>
    Object.entries(it['properties'] as Record<string, JsonSchema>)
      .filter(([name]) => name !== skip)
      .map(([name, inner]) => `\`${name}\`: ${typeText(inner)}`)
      .join('; ');
  const constOf = (it: JsonSchema, key: string): string =>
    String((it['properties'] as Record<string, JsonSchema>)[key]['const']);
  const section = (title: string, schema: JsonSchema, type: string): string[] => [
    '',
    `## ${title}`,
    '',
    ...recordTable(schema, membersOf(type)),
  ];
  return [
    '# Scenarios and events',
    '',
    'A scenario is a machine before its first event, and what shall happen to it, as JSON: `kvmodel run FILE`. This page is generated from',
    'the schema by which scenarios are read; `kvmodel schema` prints that for editors. Times are in ns. `*`: must be there.',
    '',
    '```json',
    '{',
    '  "cpus": 1,',
    '  "tasks": [{ "comm": "a" }, { "comm": "b", "nice": 5 }],',
    '  "events": [{ "ev": "advance", "ns": 3000000 }, { "ev": "tick", "cpu": 0 }, { "ev": "yield", "cpu": 0 }]',
    '}',
    '```',
    '',
    'Ids in events count idle tasks first, one a CPU, then tasks, then vCPU threads: on this machine `a` is 1. Group 0 is the root.',
    '',
    '## The machine',
    '',
    ...recordTable(whole, membersOf('Scenario')),
    ...section('A group', items('groups'), 'GroupSpec'),
    ...section('A task', items('tasks'), 'TaskSpec'),
    ...section('A VM', items('vms'), 'VmSpec'),
    ...section('Local APICs alone', properties['apics'], 'ApicsSpec'),
    '',
    '## Instructions of a program',
    '',
    ...table([
      ['`op`', 'members'],
      ...(program['oneOf'] as JsonSchema[]).map((it) => [`\`${constOf(it, 'op')}\``, cell(membersText(it, 'op'))]),
    ]),
    '',
    '## Events',
    '',
    ...table([
      ['`ev`', 'members', 'what happens'],
      ...kinds.map((it) => [
        `\`${constOf(it, 'ev')}\``,
        cell(membersText(it, 'ev')),
        cell(texts.get(constOf(it, 'ev')) ?? ''),
      ]),
    ]),
    '',
  ].join('\n');
}
