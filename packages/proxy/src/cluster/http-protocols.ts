import type { RequestHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { HttpCodecChoice } from '../config/cluster.ts';
import type { UpstreamProtocol } from './upstream.ts';

/** Which protocol a cluster's HTTP requests are sent in. */
export class HttpProtocols {
  readonly #fixed: UpstreamProtocol | undefined;
  /** Undefined unless it is the client's protocol. */
  readonly #http2: Protocol | undefined;

  /** A codec that is not there is not looked for: TCP sessions and the control plane's own stream do without. */
  constructor(choice: HttpCodecChoice, protocols: ReadonlyMap<string, Protocol>) {
    const http1 = protocols.get('http1');
    const http2 = protocols.get('http2');
    switch (choice.kind) {
      case 'named':
        this.#fixed = protocols.get(choice.name);
        break;
      case 'downstream':
        this.#fixed = http1;
        this.#http2 = http2;
        break;
      case 'alpn':
        this.#fixed = http1 !== undefined && http2 !== undefined ? { http1, http2 } : http1;
    }
  }

  of(request: RequestHead): UpstreamProtocol | undefined {
    return this.#http2 !== undefined && request.protocol === 'HTTP/2' ? this.#http2 : this.#fixed;
  }
}

/** What the cluster's HTTP limits and settings are for. */
export function isHttp(protocol: Protocol): boolean {
  return protocol.name.startsWith('http');
}
