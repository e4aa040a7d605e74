// SPDX-License-Identifier: GPL-2.0-only
/** Puts a slice together with a driver: one C file that calls the held functions by number, and tells what they did. */
import type { CFile, Parameter } from './c-index.js';
import type { Held, Slice, StandIn } from './slice.js';

/** A piece of state, as C has it: an lvalue, or a pointer that stands for a number. */
export interface CField {
  /** unique */
  readonly name: string;
  /** C lvalue */
  readonly lvalue: string;
  readonly pointer?: 'task' | 'vcpu' | 'pid';
  /** C expression and statement in place of the lvalue: its value, and setting it to `v` */
  readonly read?: string;
  readonly write?: string;
  /** it is this bit of the lvalue */
  readonly bit?: number;
}

/** What becomes of a pointer parameter: the number that stands for it, and back. Others are opaque. */
const POINTERS: readonly (readonly [type: RegExp, toNumber: string, fromNumber: string])[] = [
  [/^(?:const )?struct kvm_vcpu \*$/, 'extract_vcpu_id', 'extract_vcpu'],
  [/^(?:const )?struct kvm \*$/, 'extract_kvm_id', 'extract_kvm'],
  [/^(?:const )?struct task_struct \*$/, 'extract_task_id', 'extract_task'],
  [/^struct kvm_lapic \*$/, 'extract_apic_id', 'extract_apic'],
  [/^struct preempt_notifier \*$/, 'extract_notifier_id', 'extract_notifier'],
  [/^struct rcuwait \*$/, 'extract_wait_id', 'extract_wait'],
  [/^struct pi_desc \*$/, 'extract_pi_id', 'extract_pi'],
];

const typeOf = (p: Parameter): string =>
  (p.name === '' ? p.text : p.text.replace(new RegExp(`\\b${p.name}\\b(?!.*\\b${p.name}\\b)`), ''))
    .replace(/\[\s*\]/, '*')
    .replace(/\s+/g, ' ')
    .replace(/ ?\*/g, ' *')
    .trim();

const isPointer = (type: string): boolean => type.includes('*');
const pointerOf = (type: string) => POINTERS.find(([pattern]) => pattern.test(type));

/** Which of a function's arguments are numbers, and which stand for what: `vcpu`, `kvm` ..., `opaque`. */
export function argumentKinds(parameters: readonly Parameter[]): string[] {
  return parameters.map((p) => {
    const type = typeOf(p);
    if (!isPointer(type)) return 'number';
    return pointerOf(type)?.[2].replace('extract_', '') ?? 'opaque';
  });
}

function standInText(standIn: StandIn, id: number): string {
  const { prototype, as } = standIn;
  if (prototype === null)
    return `static long ${as}__any(void) { extract_call(${id}, 0, 0); return (long)extract_answer(${id}); }\n#define ${as}(...) ${as}__any()\n`;
  const named = prototype.parameters.map((p, i) => ({ type: typeOf(p), name: `p${i}`, text: p.text }));
  const list =
    named.map((p) => (p.type.includes('(') ? `void *${p.name}` : `${p.type} ${p.name}`)).join(', ') || 'void';
  const values = named.map(({ type, name }) => {
    if (!isPointer(type)) return `(long long)${name}`;
    const pointer = pointerOf(type);
    return pointer === undefined ? '0' : `${pointer[1]}(${name})`;
  });
  const record = `const long long a[] = { ${[...values, '0'].join(', ')} }; extract_call(${id}, ${values.length}, a);`;
  return `static ${prototype.returns} ${as}(${list}) { ${record} ${answerText(prototype.returns.replace(/ ?\*/g, ' *'), id)} }\n`;
}

function answerText(returns: string, id: number): string {
  if (returns === 'void') return '';
  if (!isPointer(returns)) {
    return /^(?:struct|union)\b/.test(returns)
      ? `${returns} r; __builtin_memset(&r, 0, sizeof(r)); return r;`
      : `return (${returns})extract_answer(${id});`;
  }
  const pointer = pointerOf(returns);
  if (pointer === undefined) return `return (${returns})extract_opaque;`;
  return `return ${pointer[2]}(extract_answer(${id}));`;
}

function heldText(parameters: readonly Parameter[], returns: string, as: string): string {
  const values = parameters.map((p, i) => {
    const type = typeOf(p);
    if (!isPointer(type)) return `(${type})a[${i}]`;
    const pointer = pointerOf(type);
    return pointer === undefined ? `(void *)extract_scratch[${i}]` : `${pointer[2]}(a[${i}])`;
  });
  const call = `held_${as}(${values.join(', ')})`;
  if (returns === 'void') return `static long long call_${as}(const long long *a) { ${call}; return 0; }\n`;
  const pointer = pointerOf(returns.replace(/ ?\*/g, ' *'));
  const value = isPointer(returns)
    ? pointer === undefined
      ? `(long long)!!${call}`
      : `${pointer[1]}(${call})`
    : `(long long)${call}`;
  return `static long long call_${as}(const long long *a) { return ${value}; }\n`;
}

const kindText = (type: string): string =>
  type === 'void'
    ? "'v', 0"
    : isPointer(type)
      ? `'${pointerOf(type.replace(/ ?\*/g, ' *'))?.[2] === 'extract_vcpu' ? 'p' : 'o'}', 8`
      : `KIND(${type}), sizeof(${type})`;

const readText = (f: CField): string => {
  if (f.read !== undefined) return f.read;
  if (f.bit !== undefined) return `${f.lvalue} >> ${f.bit} & 1`;
  return f.pointer === undefined ? f.lvalue : `extract_${f.pointer}_id(${f.lvalue})`;
};

const writeText = (f: CField): string => {
  if (f.write !== undefined) return f.write;
  const mask = `${f.lvalue} & ~(1ULL << ${f.bit ?? 0})`;
  if (f.bit !== undefined) return `${f.lvalue} = (${mask}) | (unsigned long long)(v & 1) << ${f.bit}`;
  if (f.pointer !== undefined) return `${f.lvalue} = extract_${f.pointer}(v)`;
  return `${f.lvalue} = (__typeof__(${f.lvalue}))v`;
};

const fieldKind = (f: CField): string => {
  if (f.read !== undefined) return "'b', 1";
  if (f.bit !== undefined) return "'u', 4";
  return f.pointer === undefined ? `FIELD_KIND(${f.lvalue})` : "'p', 8";
};

/** What the C file tells about itself, beside what is known without compiling it. */
export interface Emitted {
  readonly text: string;
  readonly held: readonly Held[];
  readonly fields: readonly CField[];
}

/** `architecture` is what the driver is compiled for: X86, ARM64, S390. */
export function emit(
  slice: Slice,
  files: ReadonlyMap<string, CFile>,
  held: readonly Held[],
  fields: readonly CField[],
  architecture: string,
  absent: ReadonlyMap<string, string>,
  constants: readonly string[],
): Emitted {
  const present = held.filter((h) => files.get(h.file)?.functions.has(h.name) === true);
  const standIns = slice.standIns.map((standIn, id) => standInText(standIn, id));
  const calls = present.map((h) => {
    const f = files.get(h.file)!.functions.get(h.name)!;
    return heldText(f.parameters, f.returns, h.as);
  });
  const heldRows = present.map((h) => {
    const f = files.get(h.file)!.functions.get(h.name)!;
    return `\t{ "${h.as}", call_${h.as}, ${kindText(f.returns)} },\n`;
  });
  const standInRows = slice.standIns.map((s) => `\t{ "${s.as}", ${kindText(s.prototype?.returns ?? 'long')} },\n`);
  const each = (of: (field: CField) => string) =>
    fields.map((field, i) => `#line ${i + 1} "fields"\n\tcase ${i}: ${of(field)}\n`).join('');
  const text = [
    `#define EXTRACT_${architecture} 1`,
    '#include "base.h"',
    ...[...absent].map(([name, value]) => `#define ${name.includes('(') ? name : `${name}(...)`} (${value})`),
    slice.types,
    '#include "world.h"',
    slice.variables,
    standIns.join(''),
    slice.functions,
    '#line 1 "calls"',
    calls.join(''),
    'static long long get_field(int field)\n{\n\tswitch (field) {\n',
    each((f) => `return (long long)(${readText(f)});`),
    '\t}\n\treturn 0;\n}\nstatic void set_field(int field, long long v)\n{\n\tswitch (field) {\n',
    each((f) => `${writeText(f)}; break;`),
    '\t}\n}\nstatic const struct row fields[] = {\n',
    fields.map((f, i) => `#line ${i + 1} "fields"\n\t{ "${f.name}", ${fieldKind(f)} },\n`).join(''),
    '#line 1 "tables"\n};\nstatic void set_constants(int i)\n{\n',
    constants.map((text, i) => `#line ${i + 1} "constants"\n\t${text};\n`).join(''),
    '}\n#line 1 "tables"\nstatic const struct held_row held[] = {\n',
    heldRows.join(''),
    '};\nstatic const struct row stand_ins[] = {\n',
    standInRows.join(''),
    '\t{ 0 }\n};\n',
    `enum { NR_FIELDS = ${fields.length}, NR_HELD = ${present.length}, NR_STAND_INS = ${slice.standIns.length} };`,
    '#undef memset\n#undef memcpy\n#undef snprintf',
    ...slice.standIns.filter((s) => s.prototype === null).map((s) => `#undef ${s.as}`),
    '#include "driver.h"\n',
  ].join('\n');
  return { text, held: present, fields };
}
