import type { Headers } from '@sofamesh/contract/message';

/** Headers of a message that the proxy makes itself. */
export class LocalHeaders implements Headers {
  #headers: (readonly [name: string, value: string])[];

  constructor(headers: readonly (readonly [name: string, value: string])[]) {
    this.#headers = [...headers];
  }

  protected get list(): readonly (readonly [name: string, value: string])[] {
    return this.#headers;
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
