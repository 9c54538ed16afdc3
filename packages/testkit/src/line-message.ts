import type { Headers, LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';

/** Headers of the line protocol: a plain list. */
export class LineHeaders implements Headers {
  protected entries: [name: string, value: string][];

  constructor(entries: readonly (readonly [string, string])[] = []) {
    this.entries = entries.map(([name, value]) => [name, value]);
  }

  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(',');
  }

  getAll(name: string): readonly string[] {
    return this.entries.filter(([each]) => each === name).map(([, value]) => value);
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.entries.push([name, value]);
  }

  add(name: string, value: string): void {
    this.entries.push([name, value]);
  }

  remove(name: string): void {
    this.entries = this.entries.filter(([each]) => each !== name);
  }

  visit(visitor: (name: string, value: string) => void): void {
    for (const [name, value] of this.entries) visitor(name, value);
  }
}

export class LineRequestHead extends LineHeaders implements RequestHead {
  readonly protocol: string;
  readonly scheme = 'line';
  readonly wholeBytes: number;
  readonly oneWay: boolean;
  method: string;
  authority: string;
  path: string;
  body: Buffer | undefined;

  constructor(line: Line, whole: boolean, protocol = 'line') {
    const [method = '', authority = '', path = '', headers = '', body = ''] = line.words;
    super(decodeHeaders(headers));
    this.protocol = protocol;
    this.method = decodeURIComponent(method);
    this.authority = decodeURIComponent(authority);
    this.path = decodeURIComponent(path);
    this.oneWay = line.verb === 'TELL';
    this.body = whole ? Buffer.from(decodeURIComponent(body)) : undefined;
    this.wholeBytes = whole ? line.bytes : 0;
  }

  get timeoutMs(): number {
    return Number(this.get('timeout') ?? 0);
  }

  get upgrade(): string | undefined {
    return this.get('upgrade');
  }
}

export class LineResponseHead extends LineHeaders implements ResponseHead {
  readonly protocol = 'line';
  readonly applicationError = false;
  readonly wholeBytes: number;
  readonly nativeStatus: number;
  status: number;
  body: Buffer | undefined;

  constructor(line: Line, whole: boolean) {
    const [status = '', headers = '', body = ''] = line.words;
    super(decodeHeaders(headers));
    this.status = Number(status);
    this.nativeStatus = this.status;
    this.body = whole ? Buffer.from(decodeURIComponent(body)) : undefined;
    this.wholeBytes = whole ? line.bytes : 0;
  }
}

/** One line: `7 DAT. hello`. A dot after the verb says that the message ends with it. */
export interface Line {
  readonly id: number;
  readonly verb: string;
  readonly end: boolean;
  /** Separated by blanks, percent-encoded. */
  readonly words: readonly string[];
  readonly bytes: number;
}

/** Undefined when it is no line of the protocol. */
export function parseLine(text: string): Line | undefined {
  const match = /^(\d+) ([A-Z]+)(\.?)((?: \S*)*)$/.exec(text);
  if (match === null) return undefined;
  const [, id, verb, dot, rest] = match as unknown as [string, string, string, string, string];
  const words = rest === '' ? [] : rest.slice(1).split(' ');
  return { id: Number(id), verb, end: dot === '.', words, bytes: text.length + 1 };
}

export function encodeLine(id: number, verb: string, end: boolean, ...words: readonly string[]): Buffer {
  const text = words.map((word) => ` ${word}`).join('');
  return Buffer.from(`${id} ${verb}${end ? '.' : ''}${text}\n`);
}

export function encodeRequest(head: RequestHead): string[] {
  return [...[head.method, head.authority, head.path].map(encodeURIComponent), encodeHeaders(head)];
}

export function encodeHeaders(headers: Headers): string {
  const parts: string[] = [];
  headers.visit((name, value) => parts.push(`${name}=${encodeURIComponent(value)}`));
  return parts.join(';');
}

export function decodeHeaders(text: string): [string, string][] {
  if (text === '') return [];
  return text.split(';').map((part) => {
    const at = part.indexOf('=');
    return [part.slice(0, at), decodeURIComponent(part.slice(at + 1))];
  });
}

/** Status, headers and body of an answer that the proxy makes itself. */
export function encodeReply(reply: LocalReply): [status: string, headers: string, body: string] {
  const headers = new LineHeaders(reply.headers);
  headers.set('local', reply.details);
  return [String(reply.status), encodeHeaders(headers), encodeURIComponent(reply.body)];
}
