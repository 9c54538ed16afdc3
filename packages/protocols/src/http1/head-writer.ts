import type { Headers, LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { isAuthority } from '../shared/authority.ts';
import { isAll, isFieldValue, targetOctet, tokenOctet } from '../shared/octets.ts';
import type { FieldBlock } from './field-block.ts';
import { isHopName } from './field-index.ts';
import { capitalizeNames, isPreserved, respell } from './key-format.ts';
import { Http1RequestHead } from './request-head.ts';
import { Http1ResponseHead } from './response-head.ts';
import type { HeaderKeyFormat } from './settings.ts';
import { statusText } from './status-text.ts';
import { isForbiddenTrailer } from './trailers.ts';

/**
 * One buffer with the whole head. What was received and not edited is copied from the bytes it came in; the rest is one
 * string written behind it. `tail` is the codec's own part, framing and Connection, whole lines; `dropLength` leaves the
 * Content-Length of the head out. `format` is for names that are not to be kept as they were spelled.
 */
export function encodeRequestHead(
  head: RequestHead,
  tail: string,
  dropLength: boolean,
  format: HeaderKeyFormat,
): Buffer {
  const bytes =
    head instanceof Http1RequestHead
      ? encodeOwnRequest(head, tail, dropLength)
      : encodeForeignRequest(head, tail, dropLength);
  if (format === 'proper' && !isPreserved(head)) capitalizeNames(bytes, bytes.length);
  return bytes;
}

function encodeOwnRequest(head: Http1RequestHead, ourTail: string, dropLength: boolean): Buffer {
  let tail = ourTail;
  if (head.upgrade !== undefined && head.get('upgrade') === undefined) tail += `upgrade: ${head.upgrade}\r\n`;
  const after = behind(head, tail, dropLength);
  if (head.lineIntact && head.hostIntact) return assemble('', head, 0, after, false, dropLength);
  const target = head.method === 'CONNECT' ? head.authority : head.path;
  const host = head.hostIntact ? '' : ownLines(head, `host: ${head.authority}\r\n`);
  const line = `${head.method} ${target} HTTP/1.1\r\n${host}`;
  return assemble(line, head, head.fieldsStart, after, !head.hostIntact, dropLength);
}

/** Whether the request can be said in HTTP/1: another codec's method or path may have blanks and worse. */
export function canEncode(head: RequestHead): boolean {
  const target = head.method === 'CONNECT' ? head.authority : head.path;
  if (head instanceof Http1RequestHead) return target !== '';
  return (
    isAll(head.method, tokenOctet) &&
    isAll(target, targetOctet) &&
    (head.authority === '' || isAuthority(head.authority))
  );
}

/** As {@link encodeRequestHead}; `http10` is for clients that speak nothing newer. */
export function encodeResponseHead(
  head: ResponseHead,
  tail: string,
  dropLength: boolean,
  http10: boolean,
  format: HeaderKeyFormat,
): Buffer {
  let bytes: Buffer;
  if (head instanceof Http1ResponseHead) bytes = encodeOwnResponse(head, tail, dropLength, http10);
  else {
    const fields = foreignLines(head, dropLength);
    bytes = Buffer.from(`${statusLine(head.status, http10)}${fields}${tail}\r\n`, 'latin1');
  }
  if (format === 'proper' && !isPreserved(head)) capitalizeNames(bytes, bytes.length);
  return bytes;
}

function encodeOwnResponse(head: Http1ResponseHead, tail: string, dropLength: boolean, http10: boolean): Buffer {
  const after = behind(head, tail, dropLength);
  if (head.lineIntact && !http10) return assemble('', head, 0, after, false, dropLength);
  return assemble(statusLine(head.status, http10), head, head.fieldsStart, after, false, dropLength);
}

/** The last chunk with a trailer section; fields that may not be there are left out. */
export function encodeTrailers(trailers: Headers, format: HeaderKeyFormat): Buffer {
  let lines = '0\r\n';
  trailers.visit((name, value) => {
    if (isHopName(name) || isForbiddenTrailer(name) || !isAll(name, tokenOctet) || !isFieldValue(value)) return;
    lines += `${name}: ${value}\r\n`;
  });
  if (isPreserved(trailers)) lines = respell(lines, trailers);
  const bytes = Buffer.from(`${lines}\r\n`, 'latin1');
  if (format === 'proper' && !isPreserved(trailers)) capitalizeNames(bytes, bytes.length);
  return bytes;
}

/** A whole answer: text/plain, with length. `connection` is a field line or empty. `bodiless`: to HEAD. */
export function encodeLocalReply(
  reply: LocalReply,
  connection: string,
  bodiless: boolean,
  http10: boolean,
  format: HeaderKeyFormat,
): Buffer {
  const noContent = reply.status < 200 || reply.status === 204 || reply.status === 304;
  const body = noContent ? emptyBuffer : Buffer.from(reply.body, 'utf8');
  let lines = statusLine(reply.status, http10);
  let hasType = false;
  for (const [name, value] of reply.headers ?? []) {
    const lower = name.toLowerCase();
    if (lower === 'content-length' || isHopName(lower) || !isAll(lower, tokenOctet) || !isFieldValue(value)) continue;
    if (lower === 'content-type') hasType = true;
    lines += `${lower}: ${value}\r\n`;
  }
  if (!noContent) lines += `content-length: ${body.length}\r\n`;
  if (body.length > 0 && !hasType) lines += 'content-type: text/plain\r\n';
  lines += `${connection}\r\n`;
  const shown = bodiless ? 0 : body.length;
  const reserved = Buffer.allocUnsafe(lines.length + shown);
  reserved.write(lines, 0, 'latin1');
  if (format === 'proper') capitalizeNames(reserved, lines.length);
  if (shown > 0) body.copy(reserved, lines.length);
  return reserved;
}

function statusLine(status: number, http10: boolean): string {
  return `${http10 ? 'HTTP/1.0' : 'HTTP/1.1'} ${status} ${statusText(status)}\r\n`;
}

const emptyBuffer = Buffer.alloc(0);

function assemble(
  before: string,
  block: FieldBlock,
  from: number,
  after: string,
  dropHost: boolean,
  dropLength: boolean,
): Buffer {
  const room = before.length + block.end - from + after.length;
  const target = Buffer.allocUnsafe(room);
  let at = before.length > 0 ? target.write(before, 0, 'latin1') : 0;
  at = block.copyReceived(target, at, from, dropHost, dropLength);
  at += target.write(after, at, 'latin1');
  return at === room ? target : target.subarray(0, at);
}

/** What comes behind the received fields: those added, the codec's own, and the empty line. */
function behind(head: FieldBlock, tail: string, dropLength: boolean): string {
  return `${ownLines(head, addedLines(head.added, dropLength) + tail)}\r\n`;
}

function ownLines(head: FieldBlock, lines: string): string {
  return head.keepsCase ? respell(lines, head) : lines;
}

/** Fields that were added by edits. What concerns the connection is this codec's own business. */
function addedLines(added: readonly string[] | undefined, dropLength: boolean): string {
  if (added === undefined) return '';
  let lines = '';
  for (let at = 0; at < added.length; at += 2) {
    const name = added[at]!;
    if (isHopName(name) && !(name === 'te' && added[at + 1] === 'trailers')) continue;
    if (dropLength && name === 'content-length') continue;
    lines += `${name}: ${added[at + 1]}\r\n`;
  }
  return lines;
}

function encodeForeignRequest(head: RequestHead, tail: string, dropLength: boolean): Buffer {
  const upgrade = head.upgrade === undefined ? '' : `upgrade: ${head.upgrade}\r\n`;
  const target = head.method === 'CONNECT' ? head.authority : head.path;
  const line = `${head.method} ${target} HTTP/1.1\r\nhost: ${head.authority}\r\n`;
  return Buffer.from(`${line}${foreignLines(head, dropLength)}${upgrade}${tail}\r\n`, 'latin1');
}

/** Fields of a head that another codec, or the proxy itself, has made: only what HTTP/1 can carry. */
function foreignLines(head: Headers, dropLength: boolean): string {
  let lines = '';
  head.visit((name, value) => {
    if (isHopName(name) && !(name === 'te' && value === 'trailers')) return;
    if (name === 'host' || (dropLength && name === 'content-length')) return;
    if (!isAll(name, tokenOctet) || !isFieldValue(value)) return;
    lines += `${name}: ${value}\r\n`;
  });
  return lines;
}
