import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { MessageStream, MessageStreamHandler, MessageStreamServer } from '@sofamesh/contract/message-stream';
import type { Stats } from '@sofamesh/contract/stats';
import { grpcCode } from '../grpc-code.ts';
import { adsMethod } from '../type-urls.ts';
import { AdsStream, type AdsStreamOwner } from './ads-stream.ts';
import type { NamedBytes } from './encode-response.ts';
import type { ConnectedProxy, ProxyStatus } from './proxy-status.ts';

export interface AdsServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stats: Stats;
  /**
   * What `proxy` gets of a type; `names` is undefined when it wants all. Names that there are no resources for are left
   * out. Undefined: nothing can be said yet (or ever, of this type), and nothing is sent. The version must change with
   * the content: an equal one is not sent twice. What a proxy asks for by name (endpoints, routes) is sent only if its
   * bytes differ from those it was sent last; endpoints have the name of their cluster.
   */
  readonly resourcesFor: (
    proxy: ConnectedProxy,
    typeUrl: string,
    names: ReadonlySet<string> | undefined,
  ) => { readonly version: string; readonly resources: readonly NamedBytes[] } | undefined;
  /** Before the first resource is asked for. Throws to refuse the proxy (INVALID_ARGUMENT with the message). */
  readonly onConnect?: (proxy: ConnectedProxy) => void;
  readonly onDisconnect?: (proxy: ConnectedProxy) => void;
  /** After each push, ACK and NACK. */
  readonly onStatus?: (status: ProxyStatus) => void;
}

/** Server side of state-of-the-world ADS. Knows nothing of what the resources mean. */
export class AdsServer {
  readonly #options: AdsServerOptions;
  readonly #owner: AdsStreamOwner;
  readonly #streams = new Set<AdsStream>();
  #connectionIds = 0;

  constructor(options: AdsServerOptions) {
    this.#options = options;
    const connected = options.stats.gauge('pilot_xds');
    connected.set(0);
    this.#owner = {
      options,
      counters: {
        pushes: options.stats.counter('pilot_xds_pushes'),
        rejects: options.stats.counter('pilot_total_xds_rejects'),
        expiredNonces: options.stats.counter('pilot_xds_expired_nonce'),
      },
      identified: (_stream, proxy) => {
        options.onConnect?.(proxy);
        connected.add(1);
      },
      gone: (stream) => {
        this.#streams.delete(stream);
        if (stream.proxy === undefined) return;
        connected.add(-1);
        options.onDisconnect?.(stream.proxy);
      },
    };
  }

  /** Serves ADS on `server`; may be called for several. */
  register(server: MessageStreamServer): void {
    server.handle(adsMethod, (stream) => this.accept(stream));
  }

  accept(stream: MessageStream): MessageStreamHandler {
    const adsStream = new AdsStream(this.#owner, stream, ++this.#connectionIds);
    this.#streams.add(adsStream);
    return adsStream;
  }

  /** Resources of these types (all, when undefined) may have changed, for the proxies that `affects` selects. */
  push(typeUrls?: readonly string[], affects: (proxy: ConnectedProxy) => boolean = () => true): void {
    for (const stream of this.#streams) {
      if (stream.proxy !== undefined && affects(stream.proxy)) stream.push(typeUrls);
    }
  }

  statuses(): ProxyStatus[] {
    return [...this.#streams].flatMap((stream) => (stream.proxy === undefined ? [] : [stream.status(stream.proxy)]));
  }

  /** Ends every stream; proxies go elsewhere or come again. */
  close(): void {
    for (const stream of [...this.#streams])
      stream.close({ code: grpcCode.unavailable, message: 'the server shuts down' });
    this.#options.logger.debug('all ADS streams are closed');
  }
}
