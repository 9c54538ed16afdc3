import { formatAddress } from '@sofamesh/base/address';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { RequestHead } from '@sofamesh/contract/message';
import type { HashPolicyConfig } from '../config/route.ts';
import { headerOf } from './header-match.ts';
import { compileRewrite } from './rewrite.ts';

/** The exchange that is hashed: its client may have to remember a cookie. */
export interface HashedExchange extends LogRecord {
  addCookie(text: string): void;
}

/** What of a request is hashed; undefined when it is not there. */
type Source = (head: RequestHead, exchange: HashedExchange) => string | undefined;

/** A route's hash policy, compiled: makes the number by which a consistent balancer chooses a host. */
export class HashPolicy {
  readonly #parts: readonly { readonly source: Source; readonly terminal: boolean }[];

  private constructor(parts: readonly { readonly source: Source; readonly terminal: boolean }[]) {
    this.#parts = parts;
  }

  /** Undefined when there is none. Throws a CodedError that begins with `where`. */
  static compile(policies: readonly HashPolicyConfig[], where: string): HashPolicy | undefined {
    if (policies.length === 0) return undefined;
    return new HashPolicy(
      policies.map((policy, at) => ({ source: compileSource(policy, `${where}[${at}]`), terminal: policy.terminal })),
    );
  }

  /** Undefined when the request has nothing of what is looked for. */
  hash(head: RequestHead, exchange: HashedExchange): number | undefined {
    let hash: number | undefined;
    for (const { source, terminal } of this.#parts) {
      const text = source(head, exchange);
      // Rotated as Envoy does, so that the order of the parts counts.
      if (text !== undefined) hash = hash === undefined ? hashText(text) : rotated(hash) ^ hashText(text);
      if (terminal && hash !== undefined) break;
    }
    return hash === undefined ? undefined : hash >>> 0;
  }
}

function rotated(hash: number): number {
  return (hash << 1) | (hash >>> 31);
}

function compileSource(policy: HashPolicyConfig, where: string): Source {
  switch (policy.kind) {
    case 'header': {
      const { name } = policy;
      if (policy.rewrite === undefined) return (head) => headerOf(head, name);
      const rewrite = compileRewrite(policy.rewrite, `${where}.header.regex_rewrite`);
      return (head) => {
        const value = headerOf(head, name);
        return value === undefined ? undefined : rewrite(value);
      };
    }
    case 'query':
      return (head) => {
        const mark = head.path.indexOf('?');
        return mark < 0 ? undefined : (new URLSearchParams(head.path.slice(mark + 1)).get(policy.name) ?? undefined);
      };
    case 'source-ip':
      return (_head, { clientAddress, downstream }) => {
        const address = clientAddress ?? downstream.remote;
        return address.kind === 'ip' ? address.host : undefined;
      };
    case 'cookie':
      return (head, exchange) => cookieOf(head, policy.name) ?? givenCookie(policy, exchange);
  }
}

function cookieOf(head: RequestHead, name: string): string | undefined {
  for (const pair of head.get('cookie')?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    const value = pair.slice(at + 1).trim();
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

/** A client without the cookie is told one, so that its next requests go to the same host. */
function givenCookie(policy: HashPolicyConfig & { kind: 'cookie' }, exchange: HashedExchange): string | undefined {
  const { name, ttlS, path, attributes } = policy;
  if (ttlS === undefined) return undefined;
  const { local, remote } = exchange.downstream;
  const value = (hashText(formatAddress(remote) + formatAddress(local)) >>> 0).toString(16).padStart(8, '0');
  let text = `${name}="${value}"`;
  if (ttlS > 0) text += `; Max-Age=${ttlS}`;
  if (path !== '') text += `; Path=${path}`;
  for (const each of attributes) text += each.value === '' ? `; ${each.name}` : `; ${each.name}=${each.value}`;
  exchange.addCookie(`${text}; HttpOnly`);
  return value;
}

/** FNV-1a with a final mix: short keys that differ in their last letter must land far apart. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  return hash ^ (hash >>> 15);
}
