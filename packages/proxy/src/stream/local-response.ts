import type { LocalReply, ResponseHead } from '@sofamesh/contract/message';

/** The head of an answer that the proxy makes itself, as response filters and logs see it. */
export class LocalResponseHead implements ResponseHead {
  readonly protocol = 'local';
  readonly nativeStatus: number;
  readonly applicationError = false;
  readonly wholeBytes = 0;
  readonly body = undefined;
  status: number;
  readonly #reply: LocalReply;
  #headers: (readonly [name: string, value: string])[];

  constructor(reply: LocalReply) {
    this.#reply = reply;
    this.status = reply.status;
    this.nativeStatus = reply.status;
    this.#headers = reply.headers === undefined ? [] : [...reply.headers];
  }

  /** The answer with what filters have changed. */
  toReply(): LocalReply {
    return { ...this.#reply, status: this.status, headers: this.#headers };
  }

  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(',');
  }

  getAll(name: string): readonly string[] {
    return this.#headers.filter(([each]) => each === name).map(([, value]) => value);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.#headers.push([name, value]);
  }

  add(name: string, value: string): void {
    this.#headers.push([name, value]);
  }

  remove(name: string): void {
    this.#headers = this.#headers.filter(([each]) => each !== name);
  }

  visit(visitor: (name: string, value: string) => void): void {
    for (const [name, value] of this.#headers) visitor(name, value);
  }
}
