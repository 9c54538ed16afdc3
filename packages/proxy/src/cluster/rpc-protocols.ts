import type { RequestHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';

/** Which protocol a cluster's RPC calls are sent in: their own, unless the cluster names another one. */
export class RpcProtocols {
  readonly #protocols: ReadonlyMap<string, Protocol>;
  readonly #codec: string | undefined;
  /** The answer to the question before: mostly all calls are alike. */
  #lastName = '';
  #last: Protocol | undefined = undefined;

  constructor(codec: string | undefined, protocols: ReadonlyMap<string, Protocol>) {
    this.#codec = codec;
    this.#protocols = protocols;
  }

  /** Undefined: there is no such codec. */
  of(request: RequestHead): Protocol | undefined {
    const name = this.#codec ?? request.protocol;
    if (name !== this.#lastName) {
      this.#last = this.#protocols.get(name);
      this.#lastName = name;
    }
    return this.#last;
  }
}
