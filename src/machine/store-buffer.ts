// SPDX-License-Identifier: GPL-2.0-only
/**
 * One CPU's view of a machine while its stores wait in a buffer, as on x86 (TSO): it sees its own stores at once, the
 * others see them when they arrive, in order. Loads do not wait for stores before them; a full barrier does.
 */

interface Store {
  target: object;
  member: PropertyKey;
  value: unknown;
}

export class StoreBuffer {
  private stores: Store[] = [];
  private readonly views = new WeakMap<object, object>();
  private readonly targets = new WeakMap<object, object>();

  /** Stores that the others do not see yet. */
  get pending(): number {
    return this.stores.length;
  }

  /** The record as this CPU sees it; what is no record is itself. */
  view<T>(value: T): T {
    if (typeof value !== 'object' || value === null || this.targets.has(value)) return value;
    let view = this.views.get(value);
    if (view === undefined) {
      view = new Proxy(value, this.handler) as object;
      this.views.set(value, view);
      this.targets.set(view, value);
    }
    return view as T;
  }

  /** The record itself. */
  unwrap<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    return (this.targets.get(value) as T | undefined) ?? value;
  }

  /** Every store arrives. */
  drain(): void {
    const stores = this.stores;
    this.stores = [];
    for (const { target, member, value } of stores) Reflect.set(target, member, value);
  }

  private readonly handler: ProxyHandler<object> = {
    get: (target, member) => {
      for (let i = this.stores.length - 1; i >= 0; i--) {
        const store = this.stores[i];
        if (store.target === target && store.member === member) return this.view(store.value);
      }
      return this.view(Reflect.get(target, member));
    },
    set: (target, member, value) => {
      this.stores.push({ target, member, value: this.unwrap(value) });
      return true;
    },
    deleteProperty: (target, member) => {
      this.drain();
      return Reflect.deleteProperty(target, member);
    },
  };
}
