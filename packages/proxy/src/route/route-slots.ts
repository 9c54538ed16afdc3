import type { RouteTable } from './route-table.ts';

/**
 * Where a listener looks for its routes, at every request: a new table is put in the slot, and no connection notices.
 * Undefined: the control plane has not sent the table (or has removed it).
 */
export interface RouteSlot {
  table: RouteTable | undefined;
}

/** All tables that are known by name. A slot exists as soon as somebody asks for it, and stays. */
export class RouteSlots {
  readonly #slots = new Map<string, RouteSlot>();

  named(name: string): RouteSlot {
    let slot = this.#slots.get(name);
    if (slot === undefined) this.#slots.set(name, (slot = { table: undefined }));
    return slot;
  }
}
