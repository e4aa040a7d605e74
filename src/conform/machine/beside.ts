// SPDX-License-Identifier: GPL-2.0-only
/** Runs of anybody's, held against C: on the nearest machine that the driver of src/native/c/machine can make. */
import { MSR_IA32_TSC_DEADLINE } from '../../lapic/apicdef.js';
import { FEATURE_NAMES } from '../../native/format.js';
import type { MachineEngine } from '../../native/machine-engine.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario, TaskSpec, VmSpec } from '../../scenario/scenario.js';
import { SCHED_DEADLINE } from '../../sched/sched.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { compareEvents, type MachineDifference, shrinkEvents } from './differ.js';
import { KNOBS, WITHOUT } from './operations.js';

/** What the driver has room for. */
const MOST = { cpus: 4, tasks: 12, vcpus: 8 };
/** ns, where a scenario says nothing */
const BASE_SLICE = 2_800_000;
/** LVTT and the initial count, as MSRs of an x2APIC */
const TIMER_MSRS = [0x832, 0x838, MSR_IA32_TSC_DEADLINE];
/** fixed, NMI: what an ICR asks for */
const DELIVERED = [0, 4];
/** KVM_HC_KICK_CPU, _SEND_IPI, _SCHED_YIELD */
const HYPERCALLS = [5, 10, 11];
const OF_TASKS = ['compute', 'sleep', 'yield'];
const OF_GUESTS = ['compute', 'lock', 'unlock', 'ipi', 'waitAck', 'timer', 'hlt', 'user', 'kernel', 'pause'];

const single = (cpus: readonly number[] | undefined): { cpus?: number[] } =>
  cpus?.length === 1 ? { cpus: [...cpus] } : {};

function programOf<T>(program: T | undefined, known: readonly string[]): T | undefined {
  const ops = JSON.stringify(program ?? []).matchAll(/"op":"(\w+)"/g);
  return [...ops].every(([, op]) => known.includes(op as string)) ? program : undefined;
}

function taskOf({ comm, nice = 0, group, cpus, program }: TaskSpec): TaskSpec {
  const own = programOf(program, OF_TASKS);
  return { comm, nice, ...(group === undefined ? {} : { group }), ...single(cpus), ...(own && { program: own }) };
}

function vmOf({ name, vcpus, nice = 0, group, cpus, x2apic = true, halted, programs, lockKind }: VmSpec): VmSpec {
  const own = programOf(programs, OF_GUESTS);
  const pinned = (cpus as number[][] | undefined)?.every((it) => Array.isArray(it) && it.length === 1);
  return {
    name,
    vcpus,
    vendor: 'vmx',
    nice,
    x2apic,
    ...(pinned === true && { cpus: cpus as number[][] }),
    ...(typeof group === 'string' && { group }),
    ...(own === undefined ? { halted: halted === true } : { programs: own, lockKind: lockKind ?? 'ticket' }),
  };
}

/** The machine that is nearest to it in C: without what the driver does not have. Null where nothing of it would be left. */
export function scenarioInC(scenario: Scenario): Scenario | null {
  const { cpus, arch, apics, tasks = [], vms = [], groups = [], features = {}, knobs = {}, base_slice } = scenario;
  const vcpus = vms.reduce((sum, vm) => sum + vm.vcpus, 0);
  if (arch !== undefined || apics !== undefined || vms.some((vm) => vm.kernel !== undefined)) return null;
  if (cpus > MOST.cpus || tasks.length > MOST.tasks || vcpus > MOST.vcpus || tasks.length + vcpus === 0) return null;
  const some = <T>(of: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name)));
  return {
    cpus,
    hz: 1000,
    base_slice: base_slice ?? BASE_SLICE,
    features: some(features, FEATURE_NAMES),
    knobs: { ...some(knobs, KNOBS), ...WITHOUT },
    groups: groups.map(({ idle: _, ...group }) => group),
    tasks: tasks.map(taskOf),
    vms: vms.map(vmOf),
  };
}

const LIKE: ReadonlySet<string> = new Set<MachineEvent['ev']>([
  ...([
    'advance',
    'tick',
    'resched',
    'schedule',
    'yield',
    'intr',
    'pause',
    'hlt',
    'pollEnd',
    'eoi',
    'yield_to',
  ] as const),
  ...(['wake', 'block', 'nice', 'setattr', 'shares', 'move', 'ipi', 'icr', 'cpl', 'if', 'hypercall', 'wrmsr'] as const),
  'step',
]);

/** Whether the event is one that the driver has. */
export function isInC(e: MachineEvent): boolean {
  if (!LIKE.has(e.ev)) return false;
  if (e.ev === 'block') return ['S', 'D'].includes(e.state ?? 'S');
  if (e.ev === 'setattr') return e.policy !== SCHED_DEADLINE;
  if (e.ev === 'wrmsr') return TIMER_MSRS.includes(e.msr);
  if (e.ev === 'icr') return DELIVERED.includes((e.low >>> 8) & 7);
  if (e.ev === 'hypercall') return HYPERCALLS.includes(e.nr) && e.a2 === 0 && e.a3 === 0;
  return true;
}

/** A difference between the model and C. */
export interface BesideFinding {
  scenario: Scenario;
  /** shrunk; it is at the last of them */
  events: readonly MachineEvent[];
  difference: MachineDifference;
  /** events before shrinking */
  original: number;
  /** the C code of the other tree differs from the model there as well */
  onBase: boolean;
}

/** One name for all differences that are one. */
export function causeInC({ difference, events }: Pick<BesideFinding, 'difference' | 'events'>): string {
  return ['conform', events.at(-1)?.ev ?? 'boot', difference.field.replace(/\d+/g, '#')].join('\n');
}

/** C beside a campaign: one process for each number of CPUs, kept for the next run. */
export class Beside {
  private readonly engines = new Map<number, Promise<readonly MachineEngine[]>>();
  runs = 0;
  events = 0;
  /** runs of which no machine could be made */
  leftOut = 0;

  /** `open`: the engine of the tree; behind it one of a tree that it is compared with, if any */
  constructor(
    private readonly kernel: Kernel,
    private readonly open: (cpus: number) => Promise<readonly MachineEngine[]>,
  ) {}

  async hold(
    scenario: Scenario,
    all: readonly MachineEvent[],
    isKnown: (cause: string) => boolean,
  ): Promise<BesideFinding | null> {
    const own = scenarioInC(scenario);
    const events = all.filter(isInC);
    if (own === null || events.length === 0) {
      this.leftOut++;
      return null;
    }
    const engines = this.engines.get(own.cpus) ?? this.open(own.cpus);
    this.engines.set(own.cpus, engines);
    const [native, base] = await engines;
    const first = compareEvents(this.kernel, native as MachineEngine, own, events);
    this.runs++;
    this.events += first.events.length;
    let { difference } = first;
    if (difference === null) return null;
    const upTo = first.events.slice(0, difference.event + 1);
    // what is known already need not be shrunk to be known
    if (isKnown(causeInC({ difference, events: upTo })))
      return { scenario: own, events: upTo, difference, original: upTo.length, onBase: false };
    const short = shrinkEvents(upTo, (candidate) => {
      const again = compareEvents(this.kernel, native as MachineEngine, own, candidate);
      if (again.difference === null) return null;
      difference = again.difference;
      return again.events.slice(0, again.difference.event + 1);
    });
    const onBase = base !== undefined && compareEvents(this.kernel, base, own, short).difference !== null;
    return { scenario: own, events: short, difference, original: upTo.length, onBase };
  }

  async close(): Promise<void> {
    for (const engines of this.engines.values()) for (const engine of await engines) engine.close();
  }
}
