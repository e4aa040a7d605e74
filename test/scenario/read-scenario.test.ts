// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { BadInput } from '../../src/base/faults.js';
import { everyScenario, namedScenario } from '../../src/scenario/catalogue.js';
import { checkEvents, checkScenario, readScenario } from '../../src/scenario/read-scenario.js';

function faults(value: unknown): string[] {
  try {
    checkScenario(value, 'test');
  } catch (e) {
    if (e instanceof BadInput) return e.faults.map((f) => `${f.place}: expected ${f.expected}, got ${f.got}`);
    throw e;
  }
  return [];
}

const one = { cpus: 1, tasks: [{ comm: 'a' }] };

describe('a scenario as JSON', () => {
  it('is read when it is right', () => {
    expect(readScenario(JSON.stringify(one), 'test')).toEqual(one);
  });

  it('of the catalogue is right, and has a name of its own', () => {
    for (const { name } of everyScenario) expect(faults(namedScenario(name)), name).toEqual([]);
    expect(new Set(everyScenario.map((s) => s.name)).size).toBe(everyScenario.length);
  });

  it('that is no JSON is told where', () => {
    expect(() => readScenario('{\n  "cpus": 1,\n  oops }', 'f.json')).toThrow('line 3, column 3: expected JSON');
    expect(() => readScenario('{"cpus": 1', 'f.json')).toThrow('the end of the text');
    expect(() => readScenario('', 'f.json')).toThrow('line 1, column 1');
  });

  it('that is no object is told what it is', () => {
    for (const value of [null, 3, 'x', []]) expect(faults(value), String(value)).not.toEqual([]);
  });

  it('shows every fault of its shape at once, each with its place', () => {
    const found = faults({
      cpus: 65,
      hz: 200,
      task: [],
      tasks: [{ comm: 'a', nice: 20, polcy: 'idle' }, { nice: 0 }],
      vms: [{ name: 'v', vcpus: 0, programs: [{ op: 'lok', lock: 0 }] }],
      vruntime_offset: '9223372036854775808',
    });
    expect(found).toEqual([
      'cpus: expected a whole number from 1 to 64, got 65',
      'hz: expected 100, 250, 300 or 1000, got 200',
      'tasks[0].nice: expected a whole number from -20 to 19, got 20',
      'tasks[0].polcy: expected no such member; perhaps policy, got "polcy"',
      'tasks[1].comm: expected a member comm, got nothing',
      'vms[0].vcpus: expected a whole number from 1 to 1024, got 0',
      'vms[0].programs[0].op: expected an instruction, perhaps lock, got "lok"',
      'vruntime_offset: expected a decimal s64 in quotes, got "9223372036854775808"',
      'task: expected no such member; perhaps tasks, got "task"',
    ]);
  });
});

describe('an impossible machine', () => {
  const group = (name: string, parent?: string) => (parent === undefined ? { name } : { name, parent });
  const cases: [string, unknown, string][] = [
    ['a CPU that is not there', { cpus: 2, tasks: [{ comm: 'a', cpus: [0, 2] }] }, 'tasks[0].cpus[1]: expected a CPU'],
    [
      'a start on a CPU that is not allowed',
      { cpus: 2, tasks: [{ comm: 'a', cpus: [0], starts: 1 }] },
      'tasks[0].starts: expected one of the CPUs that it may run on: 0',
    ],
    ['no CPU allowed', { cpus: 2, tasks: [{ comm: 'a', cpus: [] }] }, 'tasks[0].cpus: expected at least one CPU'],
    ['nobody in it', { cpus: 2 }, 'tasks: expected at least one task or one VM, or apics, got none'],
    ['a group unknown', { cpus: 1, tasks: [{ comm: 'a', group: 'g' }] }, 'tasks[0].group: expected a group'],
    ['a parent unknown', { ...one, groups: [group('g', 'h')] }, 'groups[0].parent: expected a group'],
    [
      'parents in a circle',
      { ...one, groups: [group('g', 'h'), group('h', 'g')] },
      'groups[0].parent: expected a chain',
    ],
    ['a group twice', { ...one, groups: [group('g'), group('g')] }, 'groups[1].name: expected a name that no other'],
    ['a second root', { ...one, groups: [group('root')] }, 'groups[0].name: expected a name that no other'],
    ['a comm twice', { cpus: 1, tasks: [{ comm: 'a' }, { comm: 'a' }] }, 'tasks[1].comm: expected a name that no'],
    ['a priority without a real-time policy', { cpus: 1, tasks: [{ comm: 'a', rt_priority: 1 }] }, 'rt_priority'],
    ['a real-time policy without priority', { cpus: 1, tasks: [{ comm: 'a', policy: 'fifo' }] }, 'rt_priority'],
    [
      'an instruction of a guest in a host task',
      { cpus: 1, tasks: [{ comm: 'a', program: [{ op: 'hlt' }] }] },
      'tasks[0].program[0].op: expected an instruction of a host task, got hlt',
    ],
    [
      'an instruction of the host in a guest',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1, programs: [{ op: 'sleep', ns: 1 }] }] },
      'vms[0].programs[0].op: expected an instruction of a guest, got sleep',
    ],
    [
      'an IPI to nobody',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1, programs: [{ op: 'ipi', to: 1, vector: 32 }, { op: 'hlt' }] }] },
      'vms[0].programs[0].to: expected a vCPU from 0 to 0, got 1',
    ],
    [
      'a lock taken twice',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1, programs: [{ op: 'lock', lock: 1 }, { op: 'hlt' }] }] },
      'vms[0].programs: expected an unlock of lock 1',
    ],
    [
      'a lock released that is not held',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1, programs: [{ op: 'unlock', lock: 1 }, { op: 'hlt' }] }] },
      'vms[0].programs[0].lock: expected a lock that is held here',
    ],
    [
      'a program for each of too many vCPUs',
      { cpus: 1, vms: [{ name: 'v', vcpus: 3, programs: [[{ op: 'hlt' }], [{ op: 'hlt' }]] }] },
      'vms[0].programs: expected one for each of 3 vCPUs',
    ],
    [
      'a program that takes no time',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1, programs: [{ op: 'user' }] }] },
      'vms[0].programs: expected an instruction that takes time',
    ],
    ['IPI virtualization without APICv', { cpus: 1, vms: [{ name: 'v', vcpus: 1, ipiv: true }] }, 'vms[0].ipiv'],
    ['an event on a missing CPU', { ...one, events: [{ ev: 'tick', cpu: 1 }] }, 'events[0].cpu: expected a CPU from 0'],
    [
      'local APICs beside a VM',
      { cpus: 1, vms: [{ name: 'v', vcpus: 1 }], apics: { vcpus: 1, mode: 'xapic' } },
      'apics: expected either VMs or local APICs alone',
    ],
    [
      'one id twice',
      { cpus: 1, apics: { vcpus: 2, ids: [3, 3], mode: 'x2apic' } },
      'apics.ids[1]: expected an id that no other vCPU has, got 3',
    ],
    [
      'an event of an APIC that is not there',
      {
        cpus: 1,
        apics: { vcpus: 2, mode: 'xapic' },
        events: [
          {
            ev: 'amid',
            fn: 'kvm_lapic_set_vector',
            of: { ev: 'enter', vcpu: 0 },
            other: { ev: 'enter', vcpu: 2 },
          },
        ],
      },
      'events[0].other.vcpu: expected a vCPU from 0 to 1, got 2',
    ],
    [
      'an event of an APIC on a machine without',
      {
        ...one,
        events: [
          { ev: 'msi', address: 0xfee0_0000, data: 1 },
          { ev: 'window', vcpu: 0 },
        ],
      },
      'events[1].ev: expected an event of this machine, which has no apics',
    ],
    ['both events and until', { ...one, events: [], until: 5 }, 'until: expected either events or until'],
  ];
  it.each(cases)('%s', (_, value, expected) => {
    expect(faults(value).join('\n')).toContain(expected);
  });
});

describe('events as JSON', () => {
  it('are read when they are right', () => {
    const events = [
      { ev: 'tick', cpu: 0 },
      { ev: 'knob', name: 'sched_base_slice_ns', value: 3 },
    ];
    expect(checkEvents(events, 'test')).toEqual(events);
  });
  it('are told what is wrong', () => {
    expect(() =>
      checkEvents(
        [
          { ev: 'tick', cpu: -1 },
          { ev: 'yield_too', cpu: 0 },
        ],
        't',
      ),
    ).toThrow(
      /events\[0\]\.cpu: expected a whole number from 0 to 63, got -1; events\[1\]\.ev: expected an event, perhaps yield_to/,
    );
  });
});
