import type { Headers, LocalReply, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { isAuthority } from '../shared/authority.ts';
import { HpackEncoder } from '../shared/hpack/encoder.ts';
import { isAll, isBlank, isFieldValue, targetOctet, tokenOctet } from '../shared/octets.ts';
import { FieldList } from './field-list.ts';
import { badName, connectionName, contentLengthName, hostName, kindOfName, plainName, teName } from './field-names.ts';
import { KeptBlocks } from './kept-blocks.ts';
import { isHandshakeField } from './websocket.ts';

/** Encodes heads as header blocks. Each block is valid until the next is begun, and has to be sent. */
export class HeadWriter {
  readonly #encoder = new HpackEncoder();
  readonly #kept = new KeptBlocks(this.#encoder);
  readonly #scheme: string;
  /** The head comes from another protocol whose names and values nobody has looked at. */
  #unchecked = false;
  #dropsLength = false;
  #dropsHandshake = false;
  readonly #visit = (name: string, value: string) => this.#field(name, value);

  /** `secure`: the connection is; the scheme of requests that have none of HTTP's. */
  constructor(secure: boolean) {
    this.#scheme = secure ? 'https' : 'http';
  }

  setPeerTableBytesMax(bytesMax: number): void {
    this.#encoder.setPeerTableBytesMax(bytesMax);
  }

  request(head: RequestHead): Buffer {
    if (!head.constant) return this.#request(head);
    return this.#kept.find(head) ?? this.#kept.keep(head, this.#request(head));
  }

  #request(head: RequestHead): Buffer {
    const encoder = this.#encoder;
    const { upgrade, method } = head;
    encoder.begin();
    encoder.field(':method', upgrade === undefined ? method : 'CONNECT');
    if (method !== 'CONNECT') {
      const { scheme } = head;
      encoder.field(':scheme', scheme === 'http' || scheme === 'https' ? scheme : this.#scheme);
      encoder.field(':path', head.path, false, head.constant);
    }
    if (head.authority !== '') encoder.field(':authority', head.authority);
    if (upgrade !== undefined) encoder.field(':protocol', upgrade);
    this.#fields(head, head.protocol, upgrade !== undefined || method === 'CONNECT', upgrade !== undefined);
    return encoder.take();
  }

  /** `status`: what the peer is told, which for an upgrade is not the head's. */
  response(head: ResponseHead, status: number): Buffer {
    if (!head.constant || status !== head.status) return this.#response(head, status);
    return this.#kept.find(head) ?? this.#kept.keep(head, this.#response(head, status));
  }

  #response(head: ResponseHead, status: number): Buffer {
    const encoder = this.#encoder;
    encoder.begin();
    encoder.field(':status', statusText(status));
    this.#fields(head, head.protocol, status < 200 || status === 204 || status !== head.status, status !== head.status);
    return encoder.take();
  }

  /** 100, which this hop says by itself. */
  continue(): Buffer {
    this.#encoder.begin();
    this.#encoder.field(':status', '100');
    return this.#encoder.take();
  }

  trailers(trailers: Headers): Buffer {
    this.#encoder.begin();
    this.#fields(trailers, '', true, false);
    return this.#encoder.take();
  }

  /** A whole answer's head: text/plain, with the length of `body`. */
  reply(reply: LocalReply, bodyBytes: number, hasContent: boolean): Buffer {
    const encoder = this.#encoder;
    encoder.begin();
    encoder.field(':status', statusText(reply.status));
    this.#unchecked = true;
    this.#dropsLength = true;
    this.#dropsHandshake = false;
    let hasType = false;
    let isGrpc = false;
    for (const [name, value] of reply.headers ?? []) {
      const lower = name.toLowerCase();
      if (lower === 'content-type') hasType = true;
      else if (lower === 'grpc-status') isGrpc = true;
      this.#field(lower, value);
    }
    // A gRPC answer of a head only are its trailers, which have no length.
    if (hasContent && !isGrpc) encoder.field('content-length', String(bodyBytes));
    if (bodyBytes > 0 && !hasType) encoder.field('content-type', 'text/plain');
    return encoder.take();
  }

  #fields(head: Headers, protocol: string, dropsLength: boolean, dropsHandshake: boolean): void {
    this.#dropsLength = dropsLength;
    this.#dropsHandshake = dropsHandshake;
    this.#unchecked = !protocol.startsWith('HTTP/');
    if (!(head instanceof FieldList)) {
      head.visit(this.#visit);
      return;
    }
    const { fields, sensitive } = head;
    if (head.edited || sensitive !== undefined || dropsLength || dropsHandshake) {
      for (let at = 0; at < fields.length; at += 2) {
        this.#field(fields[at]!, fields[at + 1]!, sensitive?.includes(fields[at]!));
      }
      return;
    }
    const encoder = this.#encoder;
    for (let at = 0; at < fields.length; at += 2) encoder.field(fields[at]!, fields[at + 1]!);
  }

  /** A field that another codec, a filter or the proxy itself has made: only what HTTP/2 can carry. */
  #field(name: string, value: string, sensitive = false): void {
    const kind = kindOfName(name);
    if (kind !== plainName) {
      if (kind === connectionName || kind === hostName || kind === badName) return;
      if (kind === teName && value !== 'trailers') return;
      if (kind === contentLengthName && this.#dropsLength) return;
    }
    if (this.#dropsHandshake && isHandshakeField(name)) return;
    if (this.#unchecked && !isFieldValue(value)) return;
    this.#encoder.field(name, withoutOuterBlanks(value), sensitive);
  }
}

/** Whether the request can be said in HTTP/2: another protocol's method or path may have blanks and worse. */
export function canEncode(head: RequestHead): boolean {
  if (head.protocol.startsWith('HTTP/')) return true;
  return (
    isAll(head.method, tokenOctet) &&
    isAll(head.path, targetOctet) &&
    (head.authority === '' || isAuthority(head.authority))
  );
}

/** What another protocol takes for a value may be malformed here (RFC 9113 §8.2.1). */
function withoutOuterBlanks(value: string): string {
  const last = value.length - 1;
  if (last < 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(last)))) return value;
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}

const statusTexts = Array.from({ length: 1000 }, (_, status) => String(status));

function statusText(status: number): string {
  return statusTexts[status] ?? String(status);
}
