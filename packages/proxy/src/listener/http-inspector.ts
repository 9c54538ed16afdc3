import type { Counter, Stats } from '@sofamesh/contract/stats';
import type { Connection } from '@sofamesh/contract/transport';
import type { Findings, ListenerFilter, Look } from './listener-filter.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const versionLength = 'HTTP/1.1'.length;
const methodOctetsMax = 64;
const LF = 10;
const CR = 13;

type Version = 'http/1.0' | 'http/1.1' | 'h2c' | 'none' | 'more';

/** `envoy.filters.listener.http_inspector`: finds plaintext HTTP by its preface or its request line. */
export class HttpInspector implements ListenerFilter {
  /** Of a request line; Envoy's limit. */
  readonly bytesMax = 64 * 1024;
  readonly #found: Readonly<Record<Exclude<Version, 'more'>, Counter>>;

  constructor(stats: Stats) {
    const counter = (name: string) => stats.counter(`http_inspector.${name}`);
    this.#found = {
      'http/1.0': counter('http10_found'),
      'http/1.1': counter('http11_found'),
      h2c: counter('http2_found'),
      none: counter('http_not_found'),
    };
  }

  look(received: Buffer, findings: Findings, _connection: Connection, seen: number): Look {
    // What is inside TLS cannot be seen here.
    if (findings.transportProtocol === 'tls') return 0;
    const version = httpVersion(received, seen);
    if (version === 'more') return 'more';
    this.#found[version].increment();
    if (version !== 'none') findings.applicationProtocols = [version];
    return 0;
  }

  overlong(): Look {
    this.#found.none.increment();
    return 0;
  }
}

/**
 * By the first octets of a connection; the answer depends on them alone, not on how they arrive. The target's octets
 * before `seen` are known to be good.
 */
export function httpVersion(bytes: Buffer, seen = 0): Version {
  const compared = Math.min(bytes.length, preface.length);
  if (bytes.compare(preface, 0, compared, 0, compared) === 0) return compared === preface.length ? 'h2c' : 'more';
  // One empty line may come before a request line (RFC 9112 §2.2).
  let at = 0;
  if (bytes[0] === CR) {
    if (bytes.length === 1) return 'more';
    at = 1;
  }
  if (bytes[at] === LF) at++;
  else if (at > 0) return 'none';
  let methodEnd = at;
  while (methodEnd < bytes.length && tokenOctets.has(bytes[methodEnd]!)) {
    if (++methodEnd - at > methodOctetsMax) return 'none';
  }
  if (methodEnd === bytes.length) return 'more';
  if (methodEnd === at || bytes[methodEnd] !== 0x20) return 'none';
  const space = bytes.indexOf(0x20, methodEnd + 1);
  const targetEnd = space < 0 ? bytes.length : space;
  for (let target = Math.max(methodEnd + 1, seen); target < targetEnd; target++) {
    if (bytes[target]! <= 0x20 || bytes[target] === 0x7f) return 'none';
  }
  if (space < 0) return 'more';
  if (space === methodEnd + 1) return 'none';
  const version = bytes.toString('latin1', targetEnd + 1, targetEnd + 1 + versionLength);
  const whole = version.length === versionLength;
  if (!whole && ('HTTP/1.1'.startsWith(version) || 'HTTP/1.0'.startsWith(version))) return 'more';
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return 'none';
  const end = bytes[targetEnd + 1 + versionLength];
  if (end === undefined) return 'more';
  return end === CR || end === LF ? (version === 'HTTP/1.1' ? 'http/1.1' : 'http/1.0') : 'none';
}

const tokenOctets = new Set(
  Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
);
