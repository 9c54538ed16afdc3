import type { Headers, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import { isAuthority } from '../shared/authority.ts';
import { isAll, targetOctet } from '../shared/octets.ts';

/** Content type of a request and its answer: this and the name of the protocol whose frame is the body. */
const contentTypePrefix = 'application/vnd.mosn.rpc+';

/** The protocols that may be carried, and what carries them. */
export interface Carriage {
  readonly http2: Protocol;
  readonly protocols: ReadonlyMap<string, Protocol>;
}

/** The protocol that a content type names; undefined: none that is here. */
export function protocolOf(contentType: string | undefined, { protocols }: Carriage): Protocol | undefined {
  if (!contentType?.startsWith(contentTypePrefix)) return undefined;
  const name = contentType.slice(contentTypePrefix.length);
  return name.startsWith('http') || name.endsWith('-http2') ? undefined : protocols.get(name);
}

/** One header, and nobody edits it. */
class CarriedHead implements Headers {
  readonly protocol: string = 'HTTP/2';
  readonly wholeBytes: number = 0;
  readonly body = undefined;
  readonly contentType: string;

  constructor(protocolName: string) {
    this.contentType = contentTypePrefix + protocolName;
  }

  get(name: string): string | undefined {
    return name === 'content-type' ? this.contentType : undefined;
  }

  getAll(name: string): readonly string[] {
    const value = this.get(name);
    return value === undefined ? [] : [value];
  }

  visit(visitor: (name: string, value: string) => void): void {
    visitor('content-type', this.contentType);
  }

  set(): void {}
  add(): void {}
  remove(): void {}
}

/** The call's interface and method as authority and path, so that any HTTP/2 proxy on the way can route it. */
export class CarriedRequestHead extends CarriedHead implements RequestHead {
  readonly method: string = 'POST';
  readonly authority: string;
  readonly path: string;
  /** Neither of HTTP's: that of the connection is put in its place. */
  readonly scheme: string = '';
  readonly oneWay: boolean = false;
  readonly timeoutMs: number = 0;
  readonly upgrade = undefined;

  constructor(call: RequestHead) {
    super(call.protocol);
    const { authority, path } = call;
    this.authority = authority !== '' && isAuthority(authority) ? authority : call.protocol;
    const target = authority === '' ? path : `/${authority}${path}`;
    this.path = isAll(target, targetOctet) ? target : encodeURI(target.toWellFormed());
  }
}

export class CarriedResponseHead extends CarriedHead implements ResponseHead {
  readonly status: number = 200;
  readonly nativeStatus: number = 200;
  readonly applicationError: boolean = false;
}
