import type { Headers, RequestHead, ResponseHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import { isAuthority } from '../shared/authority.ts';
import { isAll, targetOctet } from '../shared/octets.ts';

/** Content type of a request and its answer: this and the name of the protocol whose frame is the body. */
const contentTypePrefix = 'application/vnd.mosn.rpc+';
/** Heads that one thread keeps: one for each method that is called. Then it begins anew. */
const keptHeadsMax = 1024;
/** Interface and method of a head that is kept; names are shorter. */
const keptHeadCharactersMax = 256;

/** The protocols that may be carried, and what carries them. */
export class Carriage {
  readonly http2: Protocol;
  readonly #protocols: ReadonlyMap<string, Protocol>;
  readonly #byContentType = new Map<string, Protocol>();
  readonly #requests = new Map<string, CarriedRequestHead>();
  readonly #responses = new Map<Protocol, CarriedResponseHead>();

  constructor(http2: Protocol, protocols: ReadonlyMap<string, Protocol>) {
    this.http2 = http2;
    this.#protocols = protocols;
  }

  /** The protocol of a call that is to be carried. */
  protocolNamed(name: string): Protocol | undefined {
    return this.#protocols.get(name);
  }

  /** The protocol that a content type names; undefined: none that is here. */
  protocolOf(contentType: string | undefined): Protocol | undefined {
    if (contentType === undefined) return undefined;
    const known = this.#byContentType.get(contentType);
    if (known !== undefined || !contentType.startsWith(contentTypePrefix)) return known;
    const protocol = this.#protocols.get(contentType.slice(contentTypePrefix.length));
    if (protocol === undefined || protocol.httpVersion !== undefined || protocol.upstreamOnly) return undefined;
    this.#byContentType.set(contentType, protocol);
    return protocol;
  }

  /** The head that a call is sent with. */
  requestHead(call: RequestHead): CarriedRequestHead {
    const { protocol, authority, path } = call;
    const known = this.#requests.get(path);
    if (known?.isFor(protocol, authority)) return known;
    if (authority.length + path.length > keptHeadCharactersMax) {
      return new CarriedRequestHead(protocol, authority, path, false);
    }
    if (this.#requests.size >= keptHeadsMax) this.#requests.clear();
    const head = new CarriedRequestHead(protocol, authority, path, true);
    this.#requests.set(path, head);
    return head;
  }

  /** The head that answers of a protocol are sent with. */
  responseHead(protocol: Protocol): CarriedResponseHead {
    let head = this.#responses.get(protocol);
    if (head === undefined) {
      head = new CarriedResponseHead(protocol.name, true);
      this.#responses.set(protocol, head);
    }
    return head;
  }
}

/** One header, and nobody edits it. */
class CarriedHead implements Headers {
  readonly protocol: string = 'HTTP/2';
  readonly wholeBytes: number = 0;
  readonly constant: boolean;
  readonly body = undefined;
  readonly contentType: string;

  constructor(protocolName: string, constant: boolean) {
    this.constant = constant;
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
class CarriedRequestHead extends CarriedHead implements RequestHead {
  readonly method: string = 'POST';
  readonly authority: string;
  readonly path: string;
  /** Neither of HTTP's: that of the connection is put in its place. */
  readonly scheme: string = '';
  readonly oneWay: boolean = false;
  readonly timeoutMs: number = 0;
  readonly upgrade = undefined;
  readonly #protocolName: string;
  readonly #interface: string;

  constructor(protocolName: string, interfaceName: string, path: string, constant: boolean) {
    super(protocolName, constant);
    this.#protocolName = protocolName;
    this.#interface = interfaceName;
    this.authority = isAuthority(interfaceName) ? interfaceName : protocolName;
    const target = interfaceName === '' ? path : `/${interfaceName}${path}`;
    this.path = isAll(target, targetOctet) ? target : encodeURI(target.toWellFormed());
  }

  isFor(protocolName: string, interfaceName: string): boolean {
    return this.#interface === interfaceName && this.#protocolName === protocolName;
  }
}

class CarriedResponseHead extends CarriedHead implements ResponseHead {
  readonly status: number = 200;
  readonly nativeStatus: number = 200;
  readonly applicationError: boolean = false;
}
