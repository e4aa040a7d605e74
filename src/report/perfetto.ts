// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run as a Perfetto trace (https://ui.perfetto.dev): a track a CPU with who runs on it and the tracepoints that it hits, a track a
 * vCPU with the states of its life, counters of nr_running and of lag, and flows from whoever wakes to who is woken, and from an
 * interrupt that is accepted to its EOI.
 *
 * Of Perfetto's schema (protos/perfetto/trace) what is written is declared here, by the published numbers.
 */
import protobuf from 'protobufjs/light.js';
import { s64_diff, s64_toBigInt, toNumber } from '../lib/types.js';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import { type VcpuState, vcpuStateOf } from '../machine/vcpu-life.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import { printed } from './print-formats.js';
import type { RecordedEvent } from './recording.js';

/** As Perfetto's: a field that is 0 is written. */
const edition = 'proto2';
// `edition` is missing in the library's types
const SCHEMA: object = {
  edition,
  nested: {
    Trace: { edition, fields: { packet: { rule: 'repeated', type: 'TracePacket', id: 1 } } },
    TracePacket: {
      edition,
      fields: {
        timestamp: { type: 'uint64', id: 8 },
        trustedPacketSequenceId: { type: 'uint32', id: 10 },
        trackEvent: { type: 'TrackEvent', id: 11 },
        trackDescriptor: { type: 'TrackDescriptor', id: 60 },
      },
    },
    TrackDescriptor: {
      edition,
      fields: {
        uuid: { type: 'uint64', id: 1 },
        name: { type: 'string', id: 2 },
        process: { type: 'ProcessDescriptor', id: 3 },
        parentUuid: { type: 'uint64', id: 5 },
        counter: { type: 'CounterDescriptor', id: 8 },
      },
    },
    ProcessDescriptor: { edition, fields: { pid: { type: 'int32', id: 1 }, processName: { type: 'string', id: 6 } } },
    CounterDescriptor: { edition, fields: { unitName: { type: 'string', id: 6 } } },
    TrackEvent: {
      edition,
      fields: {
        debugAnnotations: { rule: 'repeated', type: 'DebugAnnotation', id: 4 },
        type: { type: 'Type', id: 9 },
        trackUuid: { type: 'uint64', id: 11 },
        categories: { rule: 'repeated', type: 'string', id: 22 },
        name: { type: 'string', id: 23 },
        counterValue: { type: 'int64', id: 30 },
        flowIds: { rule: 'repeated', type: 'fixed64', id: 47, options: { packed: false } },
        terminatingFlowIds: { rule: 'repeated', type: 'fixed64', id: 48, options: { packed: false } },
      },
    },
    DebugAnnotation: { edition, fields: { stringValue: { type: 'string', id: 6 }, name: { type: 'string', id: 10 } } },
    Type: { edition, values: { UNSPECIFIED: 0, SLICE_BEGIN: 1, SLICE_END: 2, INSTANT: 3, COUNTER: 4 } },
  },
};
const TYPES = protobuf.Root.fromJSON(SCHEMA as protobuf.INamespace);
const TRACE = TYPES.lookupType('Trace');
const TYPE = { begin: 1, end: 2, instant: 3, counter: 4 };

/** One writer of packets; any number but 0. */
const SEQUENCE = 1;

/** Tracks by what they show. */
const track = {
  cpus: 1,
  cpu: (cpu: number): number => 0x1_0000 + cpu,
  nr_running: (cpu: number): number => 0x2_0000 + cpu,
  vm: (vm: number): number => 0x100_0000 + vm,
  vcpu: (vcpu: number): number => 0x200_0000 + vcpu,
  lag: (se: number): number => 0x300_0000 + se,
};

interface TrackEvent {
  type: number;
  trackUuid: number;
  name?: string;
  categories?: string[];
  counterValue?: number;
  flowIds?: number[];
  terminatingFlowIds?: number[];
  debugAnnotations?: { name: string; stringValue: string }[];
}

/** Writes the trace while the run goes on. `write` gets bytes that follow each other. */
export class PerfettoTrace {
  private readonly states: VcpuState[] = [];
  private readonly lags = new Map<number, number>();
  private readonly running: number[] = [];
  private readonly flows = new Map<string, number>();
  private flow = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly write: (bytes: Uint8Array) => void,
  ) {}

  private packet(packet: object): void {
    this.write(TRACE.encode(TRACE.create({ packet: [{ trustedPacketSequenceId: SEQUENCE, ...packet }] })).finish());
  }

  private event(timestamp: number, trackEvent: TrackEvent): void {
    this.packet({ timestamp, trackEvent });
  }

  private describe(uuid: number, name: string, parentUuid: number, more: object = {}): void {
    this.packet({ trackDescriptor: { uuid, name, parentUuid, ...more } });
  }

  private describeProcess(uuid: number, pid: number, name: string): void {
    this.packet({ trackDescriptor: { uuid, name, process: { pid, processName: name } } });
  }

  /** Tracks, and what is so at the beginning. */
  begin(m: machine): void {
    this.describeProcess(track.cpus, 1, `CPUs, ${this.kernel.name}`);
    for (const { cpu } of m.rq) {
      this.describe(track.cpu(cpu), `CPU ${cpu}`, track.cpus);
      this.describe(track.nr_running(cpu), `CPU ${cpu} nr_running`, track.cpus, { counter: {} });
    }
    for (const se of m.se)
      if (se.task >= 0 && !m.rq.some((rq) => rq.idle === se.task))
        this.describe(track.lag(se.id), `${m.task[se.task].comm} lag`, track.cpus, { counter: { unitName: 'ns' } });
    for (const { id } of m.kvm) this.describeProcess(track.vm(id), 2 + id, `VM ${m.vmNames[id]}`);
    for (const { id, kvm } of m.vcpu) this.describe(track.vcpu(id), `vCPU ${id}`, track.vm(kvm));
    const at = toNumber(m.sched_clock);
    for (const { cpu, curr } of m.rq)
      this.event(at, { type: TYPE.begin, trackUuid: track.cpu(cpu), name: m.task[curr].comm });
    this.after(m);
  }

  /** A tracepoint: a switch begins a slice, everything else is an instant. */
  hit({ event, comm }: RecordedEvent): void {
    const at = Number(event.ts);
    const trackUuid = track.cpu(event.cpu);
    const { fields } = event;
    const debugAnnotations = [
      { name: 'tracepoint', stringValue: printed(event) },
      { name: 'current', stringValue: comm },
    ];
    const instant = { type: TYPE.instant, trackUuid, name: event.event, categories: [event.system], debugAnnotations };
    switch (event.event) {
      case 'sched_switch': {
        this.event(at, { type: TYPE.end, trackUuid });
        const terminatingFlowIds = this.landed(`wake ${fields['next_pid']}`);
        this.event(at, { ...instant, type: TYPE.begin, name: String(fields['next_comm']), terminatingFlowIds });
        return;
      }
      case 'sched_waking':
        this.event(at, { ...instant, flowIds: [this.started(`wake ${fields['pid']}`)] });
        return;
      case 'kvm_apic_accept_irq':
        this.event(at, { ...instant, flowIds: [this.started(`irq ${fields['apicid']} ${fields['vec']}`)] });
        return;
      case 'kvm_eoi':
        this.event(at, { ...instant, terminatingFlowIds: this.landed(`irq ${fields['apicid']} ${fields['vector']}`) });
        return;
      default:
        this.event(at, instant);
    }
  }

  private started(key: string): number {
    const known = this.flows.get(key);
    if (known !== undefined) return known;
    this.flows.set(key, ++this.flow);
    return this.flow;
  }

  private landed(key: string): number[] {
    const id = this.flows.get(key);
    this.flows.delete(key);
    return id === undefined ? [] : [id];
  }

  /** Behind an event: lives of vCPUs and counters, as far as they have changed. */
  after(m: machine): void {
    const at = toNumber(m.sched_clock);
    for (const vcpu of m.vcpu) {
      const state = vcpuStateOf(m, vcpu);
      if (this.states[vcpu.id] === state) continue;
      const trackUuid = track.vcpu(vcpu.id);
      if (this.states[vcpu.id] !== undefined) this.event(at, { type: TYPE.end, trackUuid });
      this.event(at, { type: TYPE.begin, trackUuid, name: state, categories: ['kvm'] });
      this.states[vcpu.id] = state;
    }
    for (const { cpu, nr_running } of m.rq) {
      if (this.running[cpu] === nr_running) continue;
      this.running[cpu] = nr_running;
      this.event(at, { type: TYPE.counter, trackUuid: track.nr_running(cpu), counterValue: nr_running });
    }
    this.lagsOf(m, at);
  }

  /** V - vruntime of queued tasks; a kernel without EEVDF has none. */
  private lagsOf(m: machine, at: number): void {
    if (this.kernel.table['avg_vruntime'] === undefined) return;
    // WHY a copy: avg_vruntime() may move zero_vruntime
    const own = cloneMachine(m);
    const k = bind(this.kernel, own);
    for (const q of own.cfs_rq) {
      const queued = own.se.filter((se) => se.on_rq !== 0 && se.cfs_rq === q.id && se.task >= 0);
      if (queued.length === 0) continue;
      const V = k.avg_vruntime(q);
      for (const se of queued) {
        const lag = Number(s64_toBigInt(s64_diff(V, se.vruntime)));
        if (this.lags.get(se.id) === lag) continue;
        this.lags.set(se.id, lag);
        this.event(at, { type: TYPE.counter, trackUuid: track.lag(se.id), counterValue: lag });
      }
    }
  }

  /** Ends every slice. */
  end(m: machine): void {
    const at = toNumber(m.sched_clock);
    for (const { cpu } of m.rq) this.event(at, { type: TYPE.end, trackUuid: track.cpu(cpu) });
    for (const { id } of m.vcpu) this.event(at, { type: TYPE.end, trackUuid: track.vcpu(id) });
  }
}
