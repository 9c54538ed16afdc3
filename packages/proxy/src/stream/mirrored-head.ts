import type { RequestHead } from '@sofamesh/contract/message';

/** A copy of an HTTP request's head, for another host: what happens to the first one no longer shows in it. */
export class MirroredHead implements RequestHead {
  readonly protocol: string;
  readonly oneWay: boolean;
  readonly timeoutMs: number;
  readonly upgrade = undefined;
  readonly wholeBytes = 0;
  readonly body = undefined;
  scheme: string;
  method: string;
  authority: string;
  path: string;
  #fields: (readonly [name: string, value: string])[] = [];

  constructor(head: RequestHead, authority: string) {
    this.protocol = head.protocol;
    this.oneWay = head.oneWay;
    this.timeoutMs = head.timeoutMs;
    this.scheme = head.scheme;
    this.method = head.method;
    this.path = head.path;
    this.authority = authority;
    head.visit((name, value) => this.#fields.push([name, value]));
  }

  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(name === 'cookie' ? '; ' : ',');
  }

  getAll(name: string): readonly string[] {
    return this.#fields.flatMap(([each, value]) => (each === name ? [value] : []));
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    this.#fields.push([name, value]);
  }

  remove(name: string): void {
    this.#fields = this.#fields.filter(([each]) => each !== name);
  }

  visit(visitor: (name: string, value: string) => void): void {
    for (const [name, value] of this.#fields) visitor(name, value);
  }
}
