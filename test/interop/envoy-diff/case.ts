import type { ConfigurationName } from './configurations.ts';

/** What one end of a connection does, in order. A string is written as it is, a character for an octet. */
export type Step =
  | string
  /** Goes on after so many milliseconds. */
  | { readonly waitMs: number }
  /** Goes on when what was received contains this text. */
  | { readonly until: string }
  /** Ends its direction, and goes on reading. */
  | 'FIN'
  /** Resets the connection. */
  | 'RST';

/** How the upstream treats one request. */
export interface Answer {
  /** When it begins: at once when the request's head is there, or (default) when all of it is. */
  readonly at?: 'connect' | 'head' | 'request';
  readonly steps: readonly Step[];
}

/** How an upstream that speaks HTTP/2 treats one stream. */
export interface Http2Answer {
  /** As for {@link Answer}. `connect`: in place of the settings that it says first. */
  readonly at?: 'connect' | 'head' | 'request';
  readonly frames: (stream: number) => readonly Step[];
}

/** One exchange that is run through both proxies. */
export interface Case {
  readonly name: string;
  /** Default `plain`. */
  readonly config?: ConfigurationName;
  /** What the client does on its one connection. */
  readonly client: readonly Step[];
  /**
   * How the upstream answers, request by request over all its connections, the last for all that follow. Default: 200
   * with the body `ok`.
   */
  readonly origin?: readonly Answer[];
  /** In its place, stream by stream, where the configuration says that the upstream speaks HTTP/2. */
  readonly http2Origin?: readonly Http2Answer[];
}

export const okAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Lines with their ends, and the empty line behind the last. */
export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A request without a body; `fields` come behind Host. */
export function get(path = '/', ...fields: readonly string[]): string {
  return head(`GET ${path} HTTP/1.1`, 'host: a.example', ...fields);
}

/** A POST whose fields say how `body` is framed. */
export function post(body: string, ...fields: readonly string[]): string {
  return head('POST / HTTP/1.1', 'host: a.example', ...fields) + body;
}

/** An answer of the upstream when it has all of the request. */
export function answer(...steps: readonly Step[]): Answer {
  return { steps };
}

export function early(...steps: readonly Step[]): Answer {
  return { at: 'head', steps };
}

/** Many cases that differ in one text. */
export function family(
  name: string,
  texts: readonly string[],
  one: (text: string) => Omit<Case, 'name'>,
): readonly Case[] {
  return texts.map((text) => ({ name: `${name} ${JSON.stringify(text)}`, ...one(text) }));
}
