import { fromBinary } from '@bufbuild/protobuf';
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { messageOf } from '@sofamesh/base/errors';
import type { MessageStream, MessageStreamHandler, StreamStatus } from '@sofamesh/contract/message-stream';
import { grpcCode } from '../grpc-code.ts';
import { clusterTypeUrl, compareTypes, endpointsTypeUrl, isWildcardType } from '../type-urls.ts';
import type { AdsServerOptions } from './ads-server.ts';
import { encodeResponse } from './encode-response.ts';
import type { ConnectedProxy, ProxyStatus } from './proxy-status.ts';
import { Watch } from './watch.ts';

/** Types that one proxy may watch; a real one has less than twenty. */
const watchesMax = 64;

export interface AdsStreamOwner {
  readonly options: AdsServerOptions;
  readonly counters: {
    readonly pushes: { increment(): void };
    readonly rejects: { increment(): void };
    readonly expiredNonces: { increment(): void };
  };
  /** The proxy has said who it is. */
  identified(stream: AdsStream, proxy: ConnectedProxy): void;
  gone(stream: AdsStream): void;
}

/**
 * Server side of one ADS stream. Of each type at most one response is unanswered; what changes meanwhile is sent as its
 * newest state after the answer. Of types that a proxy asks for by name, a response holds only what changed since it was
 * last sent. A type waits for those before it in the order, so that a proxy hears of a cluster before the route that
 * names it.
 */
export class AdsStream implements MessageStreamHandler {
  readonly #owner: AdsStreamOwner;
  readonly #stream: MessageStream;
  readonly #connectionId: number;
  #watches: Watch[] = [];
  #nonces = 0;
  #writable = true;
  #closed = false;
  proxy: ConnectedProxy | undefined;

  constructor(owner: AdsStreamOwner, stream: MessageStream, connectionId: number) {
    this.#owner = owner;
    this.#stream = stream;
    this.#connectionId = connectionId;
  }

  status(proxy: ConnectedProxy): ProxyStatus {
    return { ...proxy, types: this.#watches.map((watch) => watch.status()) };
  }

  /** Resources of these types (all, when undefined) may have changed. */
  push(typeUrls: readonly string[] | undefined): void {
    for (const watch of this.#watches)
      if (typeUrls === undefined || typeUrls.includes(watch.typeUrl)) watch.dirty = true;
    this.#flush();
  }

  close(status: StreamStatus): void {
    if (this.#closed) return;
    this.#stream.close(status);
    this.onClose();
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#closed) return;
    let request: DiscoveryRequest;
    try {
      request = fromBinary(DiscoveryRequestSchema, bytes);
    } catch (thrown) {
      this.close({ code: grpcCode.invalidArgument, message: `cannot decode the request: ${messageOf(thrown)}` });
      return;
    }
    if (request.typeUrl === '') {
      this.close({ code: grpcCode.invalidArgument, message: 'type_url is empty' });
      return;
    }
    if (!this.#identify(request)) return;
    this.#onRequest(request);
    this.#flush();
  }

  onWritable(): void {
    this.#writable = true;
    this.#flush();
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.gone(this);
  }

  /** False: the stream is refused. */
  #identify({ node }: DiscoveryRequest): boolean {
    if (this.proxy !== undefined) return true;
    if (node === undefined || node.id === '') {
      this.close({
        code: grpcCode.invalidArgument,
        message: 'the first request of a stream must have a node with an id',
      });
      return false;
    }
    const proxy: ConnectedProxy = {
      connectionId: this.#connectionId,
      node,
      peer: this.#stream.peer,
      connectedAtMs: this.#owner.options.clock.wallMs(),
    };
    try {
      this.#owner.identified(this, proxy);
    } catch (thrown) {
      this.close({ code: grpcCode.invalidArgument, message: messageOf(thrown) });
      return false;
    }
    this.proxy = proxy;
    return true;
  }

  #onRequest(request: DiscoveryRequest): void {
    const watch = this.#watches.find(({ typeUrl }) => typeUrl === request.typeUrl);
    if (watch === undefined) {
      this.#add(new Watch(request.typeUrl, request.resourceNames));
      return;
    }
    if (request.responseNonce === '') {
      // Asked anew on a stream that has it already: answered as the first time.
      watch.replaceNames(request.resourceNames);
      watch.sendAgain();
      watch.dirty = watch.forced = true;
      watch.inFlight = false;
      return;
    }
    if (request.responseNonce !== watch.nonce) {
      // The proxy wrote this before it read our latest response; its answer to that one brings everything it wants.
      this.#owner.counters.expiredNonces.increment();
      return;
    }
    if (watch.inFlight) this.#onAnswer(watch, request);
    if (watch.replaceNames(request.resourceNames)) watch.dirty = watch.forced = true;
    if (watch.names?.size === 0) this.#watches = this.#watches.filter((other) => other !== watch);
  }

  #add(watch: Watch): void {
    if (watch.names?.size === 0) return;
    if (this.#watches.length >= watchesMax) {
      this.close({ code: grpcCode.resourceExhausted, message: `more than ${watchesMax} types are watched` });
      return;
    }
    this.#watches = [...this.#watches, watch].sort((a, b) => compareTypes(a.typeUrl, b.typeUrl));
  }

  #onAnswer(watch: Watch, { errorDetail }: DiscoveryRequest): void {
    const { logger } = this.#owner.options;
    watch.inFlight = false;
    if (errorDetail === undefined) {
      watch.ackedVersion = watch.sentVersion ?? '';
      watch.error = '';
    } else {
      watch.nackedVersion = watch.sentVersion ?? '';
      watch.error = errorDetail.message === '' ? `status ${errorDetail.code}` : errorDetail.message;
      this.#owner.counters.rejects.increment();
      logger.warn('a proxy refused its configuration', {
        proxy: this.proxy?.node.id,
        typeUrl: watch.typeUrl,
        version: watch.nackedVersion,
        error: watch.error,
      });
    }
    this.#report();
  }

  #flush(): void {
    const { proxy } = this;
    if (proxy === undefined) return;
    for (const watch of this.#watches) {
      if (this.#closed || !this.#writable) return;
      if (!watch.dirty) continue;
      // What comes later in the order may depend on what waits here.
      if (watch.inFlight) return;
      this.#send(watch, proxy);
    }
  }

  #send(watch: Watch, proxy: ConnectedProxy): void {
    const { resourcesFor, clock, logger } = this.#owner.options;
    let answer: ReturnType<typeof resourcesFor>;
    try {
      answer = resourcesFor(proxy, watch.typeUrl, watch.names);
    } catch (thrown) {
      logger.error('resources could not be made', {
        proxy: proxy.node.id,
        typeUrl: watch.typeUrl,
        error: messageOf(thrown),
      });
    }
    watch.dirty = false;
    if (answer === undefined) return;
    if (answer.version === watch.sentVersion && !watch.forced) return;
    const again = watch.sentVersion !== undefined;
    const changed = watch.takeChanged(answer.resources);
    // Of clusters and listeners a response holds all that there are, for what it leaves out is removed.
    const resources = isWildcardType(watch.typeUrl) ? answer.resources : changed;
    if (resources === changed && changed.length === 0 && !watch.forced) return;
    watch.forced = false;
    watch.inFlight = true;
    watch.nonce = `${this.#connectionId}.${++this.#nonces}`;
    watch.sentVersion = answer.version;
    watch.sentAtMs = clock.wallMs();
    this.#writable = this.#stream.send(
      encodeResponse({ typeUrl: watch.typeUrl, version: answer.version, nonce: watch.nonce, resources }),
    );
    this.#owner.counters.pushes.increment();
    // A changed cluster warms in Envoy until its endpoints arrive, and Envoy does not ask for them again.
    if (again && watch.typeUrl === clusterTypeUrl) {
      const endpoints = this.#watches.find(({ typeUrl }) => typeUrl === endpointsTypeUrl);
      endpoints?.sendAgain(changed.map(({ name }) => name));
    }
    this.#report();
  }

  #report(): void {
    if (this.proxy !== undefined) this.#owner.options.onStatus?.(this.status(this.proxy));
  }
}
