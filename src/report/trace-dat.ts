// SPDX-License-Identifier: GPL-2.0-only
/**
 * A recording as a trace.dat, version 6 of the format of trace-cmd.dat(5): what `trace-cmd report` and KernelShark read.
 *
 * The host's file names its guests that run a kernel, and which thread is which of their CPUs; the file of such a guest names the host.
 * That is what joins the two in KernelShark.
 */
import { toBigInt } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import { formatOf, type Layout, packed } from './event-format.js';
import type { RecordedEvent } from './recording.js';

const PAGE = 4096;
/** u64 timestamp, u64 commit */
const PAGE_HEAD = 16;
const ROOM = PAGE - PAGE_HEAD;
/** a delta beyond its 27 bits takes an entry of its own */
const DELTA_BITS = 27;
const DELTA_MAX = 2 ** DELTA_BITS;
const TYPE_EXTEND = 30;
/** bytes whose length fits the entry's head */
const SHORT_MAX = 28 * 4;
const FIRST_EVENT = 300;
const OPTION = { done: 0, clock: 4, uname: 5, cpus: 8, traceId: 11, timeShift: 12, guest: 13 };
/** One of ours, by whose file it is. */
const ID_BASE = 0x6b76_6d6f_6465_0000n;
const HOST_ID = ID_BASE;
const guestId = (vm: number): bigint => ID_BASE + 1n + BigInt(vm);

const HEADER_PAGE = [
  'field: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;',
  'field: local_t commit;\toffset:8;\tsize:8;\tsigned:1;',
  'field: int overwrite;\toffset:8;\tsize:1;\tsigned:1;',
  `field: char data;\toffset:${PAGE_HEAD};\tsize:${ROOM};\tsigned:1;`,
];
const HEADER_EVENT = 'type_len: 5 bits\ntime_delta: 27 bits\narray: 32 bits\n';

const text = new TextEncoder();
const zeroed = (s: string): Uint8Array => text.encode(`${s}\0`);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function word(bytes: 2 | 4 | 8, value: bigint | number): Uint8Array {
  const out = new Uint8Array(bytes);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let i = 0; i < bytes; i++) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** The buffer of one CPU: pages as the kernel's ring buffer has them. */
class Pages {
  private readonly pages: Uint8Array[] = [];
  private page: Uint8Array[] = [];
  private used = 0;
  private first = 0n;
  private last = 0n;

  add(at: bigint, data: Uint8Array): void {
    const entry = this.entry(at, data);
    if (this.used > 0 && this.used + entry.length > ROOM) {
      this.close();
      this.put(at, this.entry(at, data));
      return;
    }
    this.put(at, entry);
  }

  private put(at: bigint, entry: Uint8Array): void {
    if (this.used === 0) this.first = at;
    this.page.push(entry);
    this.used += entry.length;
    this.last = at;
  }

  private entry(at: bigint, data: Uint8Array): Uint8Array {
    const delta = this.used === 0 ? 0n : at - this.last;
    const extend =
      delta < BigInt(DELTA_MAX)
        ? []
        : [
            word(4, ((delta & BigInt(DELTA_MAX - 1)) << 5n) | BigInt(TYPE_EXTEND)),
            word(4, delta >> BigInt(DELTA_BITS)),
          ];
    const own = extend.length > 0 ? 0n : delta;
    const size = Math.ceil(data.length / 4) * 4;
    const body = new Uint8Array(size);
    body.set(data);
    const head =
      size <= SHORT_MAX ? [word(4, (own << 5n) | BigInt(size / 4))] : [word(4, own << 5n), word(4, size + 4)];
    return joined([...extend, ...head, body]);
  }

  private close(): void {
    if (this.used === 0) return;
    const out = new Uint8Array(PAGE);
    out.set(joined([word(8, this.first), word(8, this.used), ...this.page]));
    this.pages.push(out);
    this.page = [];
    this.used = 0;
  }

  bytes(): Uint8Array {
    this.close();
    return joined(this.pages);
  }
}

/** Gathers the trace while the run goes on. */
export class TraceDat {
  private cpus: Pages[] = [];
  private readonly layouts = new Map<string, { id: number; system: string; layout: Layout }>();
  private readonly comms = new Map<number, string>();
  private options: Uint8Array[] = [];

  constructor(
    private readonly kernel: string,
    private readonly vm?: string,
  ) {}

  begin(m: machine): void {
    const of = this.vm === undefined ? m : (m.guest[m.vmNames.indexOf(this.vm)].os?.m ?? m);
    this.cpus = of.rq.map(() => new Pages());
    for (const p of of.task) this.comms.set(p.pid, p.comm);
    const own = [
      option(OPTION.clock, zeroed('[local]')),
      option(OPTION.uname, zeroed(`Linux kvmodel ${this.kernel}`)),
      option(OPTION.cpus, word(4, of.rq.length)),
    ];
    this.options = [...own, ...(this.vm === undefined ? hostOptions(m) : guestOptions(m.vmNames.indexOf(this.vm), of))];
  }

  hit({ event, comm, pid }: RecordedEvent): void {
    const { event: name, system, cpu, ts, fields } = event;
    let known = this.layouts.get(name);
    if (known === undefined) {
      known = { id: FIRST_EVENT + this.layouts.size, system, layout: formatOf(name, fields) };
      this.layouts.set(name, known);
    }
    if (pid !== 0) this.comms.set(pid, comm);
    this.cpus[cpu].add(BigInt(ts), packed(known.layout, known.id, pid, fields));
  }

  /** The whole file. */
  file(): Uint8Array {
    const page = text.encode(HEADER_PAGE.map((line) => `\t${line}\n`).join(''));
    const event = text.encode(HEADER_EVENT);
    const head: Uint8Array[] = [
      Uint8Array.of(0x17, 0x08, 0x44),
      text.encode('tracing'),
      zeroed('6'),
      Uint8Array.of(0, 8),
      word(4, PAGE),
      zeroed('header_page'),
      word(8, page.length),
      page,
      zeroed('header_event'),
      word(8, event.length),
      event,
      word(4, 0),
      this.formats(),
      // neither symbols nor formats of trace_printk()
      word(4, 0),
      word(4, 0),
      this.commands(),
      word(4, this.cpus.length),
      zeroed('options  '),
      ...this.options,
      word(2, OPTION.done),
      zeroed('flyrecord'),
    ];
    const before = joined(head);
    const buffers = this.cpus.map((cpu) => cpu.bytes());
    let at = Math.ceil((before.length + 16 * buffers.length) / PAGE) * PAGE;
    const padding = new Uint8Array(at - before.length - 16 * buffers.length);
    const places: Uint8Array[] = [];
    for (const buffer of buffers) {
      places.push(word(8, at), word(8, buffer.length));
      at += buffer.length;
    }
    return joined([before, ...places, padding, ...buffers]);
  }

  private formats(): Uint8Array {
    const systems = new Map<string, Uint8Array[]>();
    for (const [name, { id, system, layout }] of this.layouts) {
      const lines = text.encode(`name: ${name}\nID: ${id}\n${layout.text}`);
      systems.set(system, [...(systems.get(system) ?? []), word(8, lines.length), lines]);
    }
    const all = [...systems].flatMap(([system, parts]) => [zeroed(system), word(4, parts.length / 2), ...parts]);
    return joined([word(4, systems.size), ...all]);
  }

  private commands(): Uint8Array {
    const lines = text.encode(
      [...this.comms]
        .filter(([pid]) => pid !== 0)
        .map(([pid, comm]) => `${pid} ${comm}\n`)
        .join(''),
    );
    return joined([word(8, lines.length), lines]);
  }
}

const option = (id: number, data: Uint8Array): Uint8Array => joined([word(2, id), word(4, data.length), data]);

/** Its own id, and of every guest that runs a kernel which thread runs which of its CPUs. */
function hostOptions(m: machine): Uint8Array[] {
  const guests = m.guest.flatMap((guest, vm) => (guest.os === undefined ? [] : [vm]));
  return [
    option(OPTION.traceId, word(8, HOST_ID)),
    ...guests.map((vm) => {
      const threads = m.task.filter((p) => m.vcpu[m.vcpuOfTask[p.id]]?.kvm === vm);
      const cpus = threads.flatMap((p) => [word(4, m.vcpu[m.vcpuOfTask[p.id]].vcpu_idx), word(4, p.pid)]);
      return option(
        OPTION.guest,
        joined([zeroed(m.vmNames[vm]), word(8, guestId(vm)), word(4, threads.length), ...cpus]),
      );
    }),
  ];
}

/** Its own id, and the host's, whose clock it shares. */
function guestOptions(vm: number, guest: machine): Uint8Array[] {
  const start = toBigInt(guest.bootClock);
  const each = guest.rq.flatMap(() => [word(4, 1), word(8, start), word(8, 0), word(8, 1)]);
  return [
    option(OPTION.traceId, word(8, guestId(vm))),
    option(OPTION.timeShift, joined([word(8, HOST_ID), word(4, 0), word(4, guest.rq.length), ...each])),
  ];
}
