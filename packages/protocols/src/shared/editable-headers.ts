import type { Headers } from '@sofamesh/contract/message';

/** What is to become of the headers of one name. */
export interface HeaderEdit {
  readonly name: string;
  /** False: values received under this name are dropped. */
  readonly keepsReceived: boolean;
  readonly values: readonly string[];
}

/**
 * Headers that stay bytes: what was received is looked up when somebody asks, edits are remembered per name and applied
 * when the frame is written. An RPC frame has one entry per name, so several values are written joined by ",".
 */
export abstract class EditableHeaders implements Headers {
  /** Undefined until the first edit, which is how a codec knows that the received bytes can be sent as they are. */
  protected edits: HeaderEdit[] | undefined = undefined;

  /** The received value of a lower-case name, several joined by ",". */
  protected abstract receivedValue(name: string): string | undefined;
  /** Every received value with its lower-case name, in wire order. */
  protected abstract visitReceived(visitor: (name: string, value: string) => void): void;

  get(name: string): string | undefined {
    if (this.edits === undefined) return this.receivedValue(name);
    const edit = this.editOf(name);
    return edit === undefined ? this.receivedValue(name) : joined(edit, this.receivedValue(name));
  }

  getAll(name: string): readonly string[] {
    const values: string[] = [];
    this.visit((each, value) => {
      if (each === name) values.push(value);
    });
    return values;
  }

  set(name: string, value: string): void {
    this.#remember({ name, keepsReceived: false, values: [value] });
  }

  add(name: string, value: string): void {
    const before = this.editOf(name);
    this.#remember({
      name,
      keepsReceived: before === undefined || before.keepsReceived,
      values: before === undefined ? [value] : [...before.values, value],
    });
  }

  remove(name: string): void {
    this.#remember({ name, keepsReceived: false, values: [] });
  }

  visit(visitor: (name: string, value: string) => void): void {
    const edits = this.edits;
    if (edits === undefined) {
      this.visitReceived(visitor);
      return;
    }
    this.visitReceived((name, value) => {
      const edit = this.editOf(name);
      if (edit === undefined || edit.keepsReceived) visitor(name, value);
    });
    for (const edit of edits) for (const value of edit.values) visitor(edit.name, value);
  }

  protected editOf(name: string): HeaderEdit | undefined {
    return this.edits?.find((edit) => edit.name === name);
  }

  #remember(edit: HeaderEdit): void {
    this.edits ??= [];
    const at = this.edits.findIndex((each) => each.name === edit.name);
    if (at < 0) this.edits.push(edit);
    else this.edits[at] = edit;
  }
}

/** The one value that an edit leaves, given what was received; undefined: none. */
export function joined(edit: HeaderEdit, received: string | undefined): string | undefined {
  const values = edit.keepsReceived && received !== undefined ? [received, ...edit.values] : edit.values;
  return values.length === 0 ? undefined : values.join(',');
}
