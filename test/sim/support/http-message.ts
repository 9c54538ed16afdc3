import { type Random, randomInteger } from '@sofamesh/base/random';
import { contentOf } from './rpc-wire.ts';

/** How the end of a body is told. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close';

export function headBytes(startLine: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${startLine}\r\n${lines.join('')}\r\n`);
}

/** The content of a message with this token; empty when it has no body. */
export function bodyContent(token: string, bytes: number): Buffer {
  return bytes === 0 ? Buffer.alloc(0) : contentOf(token, bytes);
}

/** As it is on the wire. */
export function framedBody(random: Random, content: Buffer, framing: BodyFraming): Buffer {
  if (framing !== 'chunked') return content;
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const size = 1 + randomInteger(random, Math.min(content.length - at, 4000));
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), content.subarray(at, at + size), Buffer.from('\r\n'));
    at += size;
  }
  const trailers = randomInteger(random, 4) === 0 ? 'x-sum: 1\r\n' : '';
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailers}\r\n`)]);
}

export function framingHeaders(framing: BodyFraming, bytes: number): Record<string, string> {
  if (framing === 'length') return { 'content-length': String(bytes) };
  return framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {};
}
