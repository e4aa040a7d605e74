// SPDX-License-Identifier: GPL-2.0-only
/**
 * One CPU's view of a machine: its stores may wait in a buffer, as on x86 (TSO), and what it has loaded is remembered.
 *
 * Buffered, a CPU sees its own stores at once, the others see them when they arrive, in order. Loads do not wait for
 * stores before them; a full barrier does. Stores between two stops arrive together, since nothing comes in between.
 *
 * What a CPU does next depends on what it has loaded and on nothing else, so a hash of its loads tells where it is.
 */
import { hashText } from '../machine/rng.js';

interface Store {
  target: object;
  member: PropertyKey;
  value: unknown;
  /** ordinal of the step that made it */
  step: number;
}

/**
 * Not in the kernel's memory, so in no store buffer: registers of the CPU and the guest's state in them, the VMCS,
 * interrupts on their way, and what the machine keeps for itself. So are the machine's own members, such as m.cpu.
 */
const NOT_MEMORY = new Set<PropertyKey>([
  ...['host_irq', 'actor', 'races', 'kernel_stack'],
  ...['taken', 'irq_frames', 'exit_handler', 'exit_reason', 'exit_qualification', 'exit_intr_info', 'avic_exit'],
  ...['cpl', 'if_flag', 'int_shadow', 'shadow_since', 'nmi_masked', 'event_inj', 'vmcs', 'gp', 'smram'],
  ...['irq_window', 'nmi_window'],
]);

/** WHY not by name alone: the guest's registers are `regs`, and so is an APIC's page, which is memory. */
const isOutside = (member: PropertyKey, value: unknown): boolean =>
  NOT_MEMORY.has(member) || (member === 'regs' && !Array.isArray(value));

/** Records that the kernel changes by atomic operations only, and all that is in them. */
const ATOMIC_RECORDS = new Set<PropertyKey>(['pi_desc']);
/** Members that it does so with: set_bit(), clear_bit(), cmpxchg(). */
const ATOMIC_MEMBERS = new Set<PropertyKey>(['requests']);
/** Words of an APIC page that it does so with: TMR and IRR. ISR it changes with __set_bit(), which is no barrier. */
const APIC_TMR_WORD = 0x180 >> 2;
const APIC_ESR_WORD = 0x280 >> 2;

const stringHashes = new Map<string, number>();

function hashOfString(text: string): number {
  let h = stringHashes.get(text);
  if (h === undefined) {
    h = hashText(text) | 0;
    stringHashes.set(text, h);
  }
  return h;
}

/** A store: where to, what, and whether it waits. */
export type StoreLog = (name: string, value: unknown, waits: boolean) => void;

export class CpuView {
  private stores: Store[] = [];
  private readonly views = new WeakMap<object, object>();
  private readonly targets = new WeakMap<object, object>();
  private step = 0;
  /** under a lock or amidst an atomic operation: nothing waits */
  private locked = 0;
  private lo = 0x243f_6a88;
  private hi = 0x85a3_08d3;

  private readonly names = new WeakMap<object, string>();
  private readonly atomics = new WeakSet<object>();
  private readonly pages = new WeakSet<object>();

  /** `buffered`: stores wait; else they arrive at once. `log` hears of stores that change something. */
  constructor(
    private readonly buffered: boolean,
    private readonly log: StoreLog | null = null,
  ) {}

  /** Stores that the others do not see yet. */
  get pending(): number {
    return this.stores.length;
  }

  /** Where this CPU is: a word that is alike when it has loaded the same and as many of its stores wait. */
  get place(): string {
    return `${this.lo.toString(36)},${this.hi.toString(36)},${this.stores.length}`;
  }

  /** The machine as this CPU sees it. */
  view<T extends object>(m: T): T {
    return this.viewed(m, this.root);
  }

  private viewed<T>(value: T, handler: ProxyHandler<object>): T {
    if (typeof value !== 'object' || value === null || this.targets.has(value)) return value;
    let view = this.views.get(value);
    if (view === undefined) {
      view = new Proxy(value, handler) as object;
      this.views.set(value, view);
      this.targets.set(view, value);
    }
    return view as T;
  }

  /** The record itself. */
  private unwrap<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    return (this.targets.get(value) as T | undefined) ?? value;
  }

  /** A step ends: its stores arrive together. */
  endStep(): void {
    this.step++;
  }

  /** Every store arrives. */
  drain(): void {
    const { stores } = this;
    if (stores.length === 0) return;
    this.stores = [];
    for (const { target, member, value } of stores) Reflect.set(target, member, value);
  }

  /** The stores of the oldest step that has some waiting arrive. */
  drainOldest(): void {
    const { stores } = this;
    const n = stores.findIndex((it) => it.step !== stores[0].step);
    this.stores = n === -1 ? [] : stores.slice(n);
    for (const { target, member, value } of n === -1 ? stores : stores.slice(0, n)) Reflect.set(target, member, value);
  }

  /** Takes a lock, or begins an atomic operation: a full barrier, and stores arrive at once until `unlock`. */
  lock(): void {
    this.drain();
    this.locked++;
  }

  unlock(): void {
    this.locked--;
  }

  private word(x: number): void {
    this.lo = Math.imul((this.lo ^ x) | 0, 0x9e37_79b1);
    this.lo ^= this.lo >>> 15;
    this.hi = (Math.imul(((this.hi << 13) | (this.hi >>> 19)) ^ x, 0x85eb_ca77) + 0x27d4_eb2f) | 0;
  }

  private loaded(x: unknown): void {
    switch (typeof x) {
      case 'number':
        this.word(x | 0);
        if ((x | 0) !== x) this.word(Math.floor(x / 0x1_0000_0000) | 0);
        return;
      case 'boolean':
        this.word(x ? 3 : 5);
        return;
      case 'bigint':
        this.word(Number(x & 0xffff_ffffn) | 0);
        this.word(Number((x >> 32n) & 0xffff_ffffn) | 0);
        return;
      case 'string':
        this.word(hashOfString(x));
        return;
      default:
        this.word(7);
    }
  }

  /** The store of this CPU to the place that waits, youngest first; null when none does. */
  private waiting(target: object, member: PropertyKey): Store | null {
    for (let i = this.stores.length - 1; i >= 0; i--) {
      const store = this.stores[i];
      if (store.target === target && store.member === member) return store;
    }
    return null;
  }

  /** `vcpu[1].arch.apic.regs[0x210]`: registers of an APIC page by their offset. */
  private nameOf(target: object, member: PropertyKey): string {
    const of = this.names.get(target);
    if (of === undefined) return String(member);
    if (!Array.isArray(target)) return `${of}.${String(member)}`;
    const at = of.endsWith('apic.regs') ? `0x${(Number(member) * 4).toString(16)}` : String(member);
    return `${of}[${at}]`;
  }

  private noteKind(target: object, member: PropertyKey, value: object): void {
    if (ATOMIC_RECORDS.has(member) || this.atomics.has(target)) this.atomics.add(value);
    else if (member === 'regs' && Array.isArray(value)) this.pages.add(value);
  }

  private isAtomic(target: object, member: PropertyKey): boolean {
    if (ATOMIC_MEMBERS.has(member) || this.atomics.has(target)) return true;
    return this.pages.has(target) && Number(member) >= APIC_TMR_WORD && Number(member) < APIC_ESR_WORD;
  }

  private store(target: object, member: PropertyKey, value: unknown, mayWait: boolean): boolean {
    const stored = this.unwrap(value);
    const waits = mayWait && !this.isAtomic(target, member);
    if (mayWait && !waits) this.drain();
    if (this.log !== null && member !== 'length') {
      const was = this.waiting(target, member);
      if (stored !== (was === null ? Reflect.get(target, member) : was.value))
        this.log(this.nameOf(target, member), stored, waits);
    }
    if (!waits) return Reflect.set(target, member, stored);
    this.stores.push({ target, member, value: stored, step: this.step });
    return true;
  }

  private load(target: object, member: PropertyKey, handler: ProxyHandler<object>): unknown {
    const store = this.stores.length === 0 ? null : this.waiting(target, member);
    const value = store === null ? Reflect.get(target, member) : store.value;
    if (typeof value === 'object' && value !== null) {
      if (this.log !== null) this.names.set(value, this.nameOf(target, member));
      if (this.buffered) this.noteKind(target, member, value);
      return this.viewed(value, isOutside(member, value) ? this.direct : handler);
    }
    if (typeof value !== 'function') this.loaded(value);
    return value;
  }

  private readonly shared: ProxyHandler<object> = {
    has: (target, member) => {
      const there = this.waiting(target, member) !== null || Reflect.has(target, member);
      this.loaded(there);
      return there;
    },
    ownKeys: (target) => {
      this.drain();
      const keys = Reflect.ownKeys(target);
      for (const key of keys) this.loaded(key);
      return keys;
    },
    deleteProperty: (target, member) => {
      this.drain();
      return Reflect.deleteProperty(target, member);
    },
  };

  private readonly memory: ProxyHandler<object> = {
    ...this.shared,
    get: (target, member) => this.load(target, member, this.memory),
    set: (target, member, value) =>
      this.store(target, member, value, this.buffered && this.locked === 0 && !isOutside(member, value)),
  };

  private readonly root: ProxyHandler<object> = {
    ...this.shared,
    get: (target, member) => this.load(target, member, this.memory),
    set: (target, member, value) => this.store(target, member, value, false),
  };

  private readonly direct: ProxyHandler<object> = {
    ...this.shared,
    get: (target, member) => this.load(target, member, this.direct),
    set: (target, member, value) => this.store(target, member, value, false),
  };
}
