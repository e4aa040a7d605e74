// SPDX-License-Identifier: GPL-2.0-only
/** The shape of a scenario as JSON Schema (2020-12), made from the schema that reads it: for editors. */
import { eventSchema, scenarioSchema } from './schema.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a schema of valibot looks like from outside, as far as ours are made of it. */
interface Shape {
  type: string;
  message?: unknown;
  entries?: Record<string, Shape>;
  wrapped?: Shape;
  item?: Shape;
  value?: Shape;
  options?: (Shape | string | number)[];
  literal?: string | number;
  pipe?: Shape[];
  requirement?: unknown;
}

/** `a whole number from 1 to 64`: the range stands in the words. */
const RANGE = /^a whole number from (-?\d+) to (-?\d+)$/;

function numberOf(shape: Shape): JsonSchema {
  const range = RANGE.exec(String(shape.message));
  if (range === null) return { type: 'number' };
  return { type: 'integer', minimum: Number(range[1]), maximum: Number(range[2]) };
}

function stringOf(pipe: readonly Shape[]): JsonSchema {
  const out: Record<string, unknown> = { type: 'string' };
  for (const action of pipe) {
    if (action.type === 'regex') out['pattern'] = (action.requirement as RegExp).source;
    if (action.type === 'max_length') out['maxLength'] = action.requirement;
    if (action.type === 'check') out['description'] = String(action.message);
  }
  return out;
}

function recordOf(shape: Shape): JsonSchema {
  const entries = Object.entries(shape.entries ?? {});
  const required = entries.filter(([, it]) => it.type !== 'optional').map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, it]) => [name, schemaOf(it)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** Places where an event may stand refer to one definition. */
const EVENT = '#/$defs/event';

export function schemaOf(given: unknown): JsonSchema {
  const shape = given as Shape;
  if (given === eventSchema) return { $ref: EVENT };
  switch (shape.type) {
    case 'optional':
      return schemaOf(shape.wrapped);
    case 'strict_object':
      return recordOf(shape);
    case 'array':
      return { type: 'array', items: schemaOf(shape.item) };
    case 'record':
      return { type: 'object', additionalProperties: schemaOf(shape.value) };
    case 'union':
    case 'variant':
      return { oneOf: (shape.options as Shape[]).map(schemaOf) };
    case 'literal':
      return { const: shape.literal };
    case 'picklist':
      return { enum: shape.options };
    case 'boolean':
      return { type: 'boolean' };
    case 'number':
      return numberOf(shape);
    case 'string':
      return stringOf(shape.pipe ?? []);
    default:
      // `programs`: one program, or one a vCPU; which, is known only when it is read
      return { type: 'array' };
  }
}

/** The whole. */
export function scenarioJsonSchema(): JsonSchema {
  const { options } = eventSchema as unknown as { options: Shape[] };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A scenario of kvmodel',
    ...recordOf(scenarioSchema as unknown as Shape),
    $defs: { event: { oneOf: options.map(schemaOf) } },
  };
}
