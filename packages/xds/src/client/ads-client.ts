import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Node } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { StatusSchema } from '@sofamesh/api/gen/google/rpc/status_pb';
import type { Clock, Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type {
  MessageStream,
  MessageStreamDialer,
  MessageStreamHandler,
  StreamStatus,
} from '@sofamesh/contract/message-stream';
import type { Gauge, Stats } from '@sofamesh/contract/stats';
import { grpcCode } from '../grpc-code.ts';
import { adsMethod, compareTypes } from '../type-urls.ts';
import { BackOff } from './back-off.ts';
import { Subscription } from './subscription.ts';
import { versionHash } from './subscription-stats.ts';

/** One resource of a response, still encoded. `name` is known only of resources that are wrapped to carry one. */
export interface ReceivedResource {
  readonly name?: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export interface ResourceError {
  readonly name: string;
  readonly reason: string;
}

/** Where responses go. Good resources are applied even when others of the response are not. */
export interface AdsSink {
  /** Resolves when the resources are in use (or wait, warming, for others); a rejection counts as an error of the whole. */
  apply(
    typeUrl: string,
    version: string,
    resources: readonly ReceivedResource[],
  ): Promise<{ readonly errors: readonly ResourceError[] }>;
}

export interface AdsClientOptions {
  /** Of the service; default that of ADS. */
  readonly method?: string;
  readonly dialer: MessageStreamDialer;
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly stats: Stats;
  readonly sink: AdsSink;
}

/** Responses of one type that may wait to be applied; a server that sends more without waiting for an ACK is cut off. */
const queuedResponsesMax = 64;
/** Text of an error that is sent back; a response with thousands of bad resources is not repeated in full. */
const errorCharactersMax = 16 * 1024;

/**
 * Client side of state-of-the-world ADS, or of the service of one type: keeps one stream to the control plane, reconnects for ever, and resumes with
 * the versions that it accepted last. Resources stay bytes: reading and using them is the sink's part.
 */
export class AdsClient {
  readonly #options: AdsClientOptions;
  readonly #backOff: BackOff;
  readonly #connectedState: Gauge;
  readonly #subscriptions = new Map<string, Subscription>();
  #stream: MessageStream | undefined;
  /** Of the current stream; an answer that belongs to an earlier one is not sent. */
  #generation = 0;
  #nodeSent = false;
  #connected = false;
  #running = false;
  #flushing = false;
  #reconnect: Timer | undefined;

  constructor(options: AdsClientOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
    this.#connectedState = options.stats.gauge('control_plane.connected_state');
    this.#connectedState.set(0);
  }

  /** A response has come on the current stream. */
  get connected(): boolean {
    return this.#connected;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  stop(): void {
    this.#running = false;
    this.#reconnect?.cancel();
    this.#stream?.close();
    this.#lost();
  }

  /** Asks for `names` too, or for all resources of the type. Calls of one turn go out as one request. */
  subscribe(typeUrl: string, names: Iterable<string> | undefined): void {
    let subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new Subscription(typeUrl, names, this.#options.stats);
      this.#subscriptions.set(typeUrl, subscription);
      subscription.changed = true;
    } else if (names === undefined) {
      if (subscription.names !== undefined) subscription.changed = true;
      subscription.names = undefined;
    } else if (subscription.names !== undefined) {
      for (const name of names) {
        if (subscription.names.has(name)) continue;
        subscription.names.add(name);
        subscription.changed = true;
      }
    }
    this.#scheduleFlush();
  }

  /** No longer asks for `names`. */
  unsubscribe(typeUrl: string, names: Iterable<string>): void {
    const subscription = this.#subscriptions.get(typeUrl);
    for (const name of names) if (subscription?.names?.delete(name)) subscription.changed = true;
    this.#scheduleFlush();
  }

  #connect(): void {
    this.#reconnect = undefined;
    const generation = ++this.#generation;
    const ifCurrent = (act: () => void) => {
      if (generation === this.#generation && this.#running) act();
    };
    const handler: MessageStreamHandler = {
      onMessage: (message) => ifCurrent(() => this.#onMessage(message)),
      onClose: (status) => ifCurrent(() => this.#onClose(status)),
    };
    this.#nodeSent = false;
    for (const subscription of this.#subscriptions.values()) subscription.onNewStream();
    this.#stream = this.#options.dialer.open(this.#options.method ?? adsMethod, handler);
    this.#scheduleFlush();
  }

  #onClose(status: StreamStatus): void {
    const { logger, clock } = this.#options;
    const delayMs = this.#backOff.nextMs();
    logger.warn('the stream to the control plane ended', { ...status, peer: this.#stream?.peer, retryMs: delayMs });
    this.#lost();
    for (const { stats } of this.#subscriptions.values()) stats.failure.increment();
    this.#reconnect = clock.after(delayMs, () => this.#connect());
  }

  #lost(): void {
    this.#stream = undefined;
    this.#generation++;
    this.#connected = false;
    this.#connectedState.set(0);
  }

  /** Sends what changed, in the order of types, after the current turn. */
  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (this.#stream === undefined) return;
      const byOrder = [...this.#subscriptions.values()].sort((a, b) => compareTypes(a.typeUrl, b.typeUrl));
      for (const subscription of byOrder) {
        if (subscription.requested ? !subscription.changed : subscription.idle) continue;
        // While a response is being applied its answer carries the names.
        if (subscription.queued > 0 && subscription.requested) continue;
        subscription.stats.attempt.increment();
        this.#request(subscription);
      }
    });
  }

  #request(subscription: Subscription, errors: readonly ResourceError[] = []): void {
    const request = create(DiscoveryRequestSchema, {
      typeUrl: subscription.typeUrl,
      versionInfo: subscription.version,
      responseNonce: subscription.nonce,
      resourceNames: subscription.names === undefined ? [] : [...subscription.names].sort(),
    });
    if (!this.#nodeSent) request.node = this.#options.node;
    if (errors.length > 0) {
      const text = errors.map(({ name, reason }) => (name === '' ? reason : `${name}: ${reason}`)).join('\n');
      request.errorDetail = create(StatusSchema, {
        code: grpcCode.invalidArgument,
        message: text.length > errorCharactersMax ? `${text.slice(0, errorCharactersMax)}…` : text,
      });
    }
    this.#nodeSent = true;
    subscription.requested = true;
    subscription.changed = false;
    this.#stream?.send(toBinary(DiscoveryRequestSchema, request));
  }

  #onMessage(bytes: Uint8Array): void {
    let response: DiscoveryResponse;
    try {
      response = fromBinary(DiscoveryResponseSchema, bytes);
    } catch (thrown) {
      this.#abort(`cannot decode a response: ${messageOf(thrown)}`);
      return;
    }
    this.#connected = true;
    this.#connectedState.set(1);
    this.#backOff.reset();
    const subscription = this.#subscriptions.get(response.typeUrl);
    if (subscription === undefined) {
      this.#options.logger.warn('the control plane sent a type that nobody asked for', { typeUrl: response.typeUrl });
      return;
    }
    if (subscription.queued >= queuedResponsesMax) {
      this.#abort(`${queuedResponsesMax} responses of ${response.typeUrl} wait to be applied`);
      return;
    }
    const generation = this.#generation;
    subscription.queued++;
    subscription.applying = subscription.applying.then(() => this.#apply(subscription, response, generation));
  }

  /** The server broke the protocol: the stream is given up and, after the back-off, a new one is tried. */
  #abort(reason: string): void {
    const status = { code: grpcCode.internal, message: reason };
    this.#stream?.close(status);
    this.#onClose(status);
  }

  async #apply(subscription: Subscription, response: DiscoveryResponse, generation: number): Promise<void> {
    const { sink, logger, clock } = this.#options;
    let errors: readonly ResourceError[];
    try {
      ({ errors } = await sink.apply(response.typeUrl, response.versionInfo, response.resources.map(unwrap)));
    } catch (thrown) {
      errors = [{ name: '', reason: messageOf(thrown) }];
    }
    subscription.queued--;
    if (errors.length === 0) {
      subscription.version = response.versionInfo;
      subscription.stats.success.increment();
      subscription.stats.version.set(versionHash(response.versionInfo));
      subscription.stats.updateTime.set(clock.wallMs());
    } else {
      subscription.stats.rejected.increment();
      logger.warn('refused configuration', { typeUrl: response.typeUrl, version: response.versionInfo, errors });
    }
    if (generation !== this.#generation) {
      if (subscription.changed) this.#scheduleFlush();
      return;
    }
    subscription.nonce = response.nonce;
    this.#request(subscription, errors);
  }
}

/** Takes off `envoy.service.discovery.v3.Resource`, which servers may put around a resource to name it. */
function unwrap({ typeUrl, value }: { readonly typeUrl: string; readonly value: Uint8Array }): ReceivedResource {
  if (!typeUrl.endsWith(`/${ResourceSchema.typeName}`)) return { typeUrl, value };
  const { name, resource } = fromBinary(ResourceSchema, value);
  return { name, typeUrl: resource?.typeUrl ?? '', value: resource?.value ?? new Uint8Array() };
}
