// SPDX-License-Identifier: GPL-2.0-only
/** State that a cut reads and writes, found in the tree's own structures and variables: every integer of them. */
import type { CField } from './emit.js';
import type { Member, Slice } from './slice.js';

const NR_VCPUS = 4;
const NR_CPUS = 4;
const NR_TASKS = 8;
/** Structures in structures, no deeper. */
const DEPTH = 4;
/** Elements of an array that are read and written; of one whose size is a name, the first. */
const ELEMENTS = 4;

/** Objects that a call finds, by their C expression, with # for the number. */
const ROOTS: readonly (readonly [struct: string, name: string, lvalue: string, count: number, only?: 'x86'])[] = [
  ['struct kvm_vcpu', 'vcpu[#]', 'V(#)->', NR_VCPUS],
  ['struct kvm_run', 'vcpu[#].run', 'V(#)->run->', NR_VCPUS],
  ['struct kvm', 'kvm', 'K->', 1],
  ['struct task_struct', 'task[#]', 'extract_tasks[#].', NR_TASKS],
  ['struct vcpu_vmx', 'vmx[#]', 'VMX(#).', NR_VCPUS, 'x86'],
  ['struct vcpu_svm', 'svm[#]', 'SVM(#).', NR_VCPUS, 'x86'],
  ['struct kvm_lapic', 'apic[#]', 'V(#)->arch.apic->', NR_VCPUS, 'x86'],
];

const INTEGER =
  /^(?:const |volatile )*(?:bool|[us](?:8|16|32|64)|__[us](?:8|16|32|64)|(?:unsigned |signed )?(?:char|short|int|long|long long|long int)|unsigned|uint|ulong|ushort|size_t|gfn_t|gpa_t|hpa_t|gva_t|ktime_t|pid_t|enum \w+)$/;
const COUNTER = /^(?:atomic_t|atomic64_t|atomic_long_t)$/;
/** What the driver has set up: a call that found these changed would follow pointers to nowhere. */
const FIXED = /(?:\.|->)(?:vcpu_id|vcpu_idx|online_vcpus|kvm|created_vcpus)$/;
const plainType = (type: string): string => type.replace(/\s+/g, ' ').trim();

class Members {
  private readonly fields: CField[] = [];

  constructor(
    private readonly slice: Slice,
    private readonly taken: ReadonlySet<string>,
  ) {}

  private add(name: string, lvalue: string, isBits: boolean): void {
    if (this.taken.has(lvalue) || FIXED.test(lvalue)) return;
    const bits = isBits ? { read: lvalue, write: `${lvalue} = v` } : {};
    this.fields.push({ name, lvalue, ...bits });
  }

  private leaf(type: string, declarator: string, name: string, lvalue: string): void {
    const array = /^\w+\[([^\]]*)\]$/.exec(declarator.trim());
    const length = array === null ? 0 : Math.min(ELEMENTS, Number(array[1]) || 1);
    const elements = array === null ? [''] : Array.from({ length }, (_, i) => `[${i}]`);
    for (const element of elements) {
      if (COUNTER.test(type)) this.add(`${name}${element}`, `${lvalue}${element}.counter`, false);
      else this.add(`${name}${element}`, `${lvalue}${element}`, / : bits$/.test(declarator));
    }
  }

  private member(m: Member, name: string, lvalue: string, depth: number): void {
    const type = plainType(m.type);
    if (/[*(]/.test(m.declarator)) return;
    if (INTEGER.test(type) || COUNTER.test(type)) {
      this.leaf(type, m.declarator, `${name}.${m.path}`, `${lvalue}${m.path}`);
      return;
    }
    const array = /\[/.test(m.declarator);
    if (!array && /^(?:struct|union) \w+$/.test(type))
      this.below(type, `${name}.${m.path}`, `${lvalue}${m.path}.`, depth + 1);
  }

  private below(struct: string, name: string, lvalue: string, depth: number): void {
    if (depth > DEPTH) return;
    for (const m of this.slice.members.get(struct) ?? []) {
      // a vendor's vCPU starts with the vCPU itself, which has its own name
      if (m.type.trim() !== 'struct kvm_vcpu') this.member(m, name, lvalue, depth);
    }
  }

  private variables(): void {
    for (const { name, text } of this.slice.variableList) {
      const perCpu = /^([\w ]+?) (\w+)__per_cpu\[/.exec(text);
      const plain = /^([\w ]+?) (\w+);$/.exec(text.trim());
      const type = plainType((perCpu ?? plain)?.[1] ?? '');
      const places: [name: string, lvalue: string][] =
        perCpu === null
          ? [[name, name]]
          : Array.from({ length: NR_CPUS }, (_, i) => [`${name}[${i}]`, `${name}__per_cpu[${i}]`]);
      for (const [at, lvalue] of places) {
        if (INTEGER.test(type)) this.add(at, lvalue, false);
        else if (/^(?:struct|union) \w+$/.test(type)) this.below(type, at, `${lvalue}.`, 0);
      }
    }
  }

  all(architecture: string): CField[] {
    for (const [struct, name, lvalue, count, only] of ROOTS) {
      if (only !== undefined && only !== architecture) continue;
      for (let i = 0; i < count; i++)
        this.below(struct, name.replace('#', String(i)), lvalue.replace('#', String(i)), 0);
    }
    this.variables();
    return this.fields;
  }
}

/** Fields for every integer that the cut uses and `given` does not have. */
export function memberFields(slice: Slice, given: readonly CField[], architecture: string): CField[] {
  return new Members(slice, new Set(given.map((field) => field.lvalue))).all(architecture);
}
