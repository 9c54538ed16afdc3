import type { CodecLimits, Protocol } from '@sofamesh/contract/protocol';
import type { ExchangeSample, ProtocolFixtures, RequestSample } from './fixtures.ts';
import { cut } from './pieces.ts';
import { asksForTunnel, type ScriptedCall, ScriptedClient, ScriptedServer } from './scripted-engine.ts';

/** A request that came from a client and went on to a server, and the connections of both. */
export interface Relayed {
  readonly server: ScriptedServer;
  readonly client: ScriptedClient;
  readonly call: ScriptedCall;
  /** The request as the upstream server got it. */
  readonly sent: Buffer;
  /** The id that it has there; 0 where the protocol has none. */
  readonly id: number;
}

/** The protocol under test with its samples, and the first steps of most tests. */
export class Bench {
  readonly protocol: Protocol;
  readonly fixtures: ProtocolFixtures;

  constructor(protocol: Protocol, fixtures: ProtocolFixtures) {
    this.protocol = protocol;
    this.fixtures = fixtures;
  }

  get exclusive(): boolean {
    return this.protocol.pooling === 'exclusive';
  }

  /** The connection has a state of its own: see {@link ProtocolFixtures.opening}. */
  get stateful(): boolean {
    return this.fixtures.opening !== undefined;
  }

  /** What goes on to the other side is the bytes that came. */
  get sameBytes(): boolean {
    return (this.fixtures.relay ?? (this.streamed ? 'same-meaning' : 'relay-bytes')) === 'relay-bytes';
  }

  get streamed(): boolean {
    return this.fixtures.messages === 'streamed';
  }

  /** The plain exchange. */
  get plain(): ExchangeSample {
    return this.fixtures.exchanges[0]!;
  }

  /** Requests that have an end of their own. */
  get messages(): readonly RequestSample[] {
    const { exchanges, oneWay } = this.fixtures;
    const ended = exchanges.filter(
      ({ expectRequest }) => expectRequest.upgrade === undefined && expectRequest.method !== 'CONNECT',
    );
    return oneWay === undefined ? ended : [...ended, oneWay];
  }

  server(limits?: Partial<CodecLimits>): ScriptedServer {
    const server = new ScriptedServer(this.protocol, this.fixtures.settings, limits);
    if (this.fixtures.opening !== undefined) {
      server.codec.receive(this.fixtures.opening.fromClient());
      server.connection.take();
    }
    return server;
  }

  client(limits?: Partial<CodecLimits>): ScriptedClient {
    const client = new ScriptedClient(this.protocol, this.fixtures.settings, limits);
    if (this.fixtures.opening !== undefined) {
      client.codec.receive(this.fixtures.opening.fromServer());
      client.connection.take();
      client.availabilityChanges = 0;
    }
    return client;
  }

  idOf(message: Buffer): number {
    return this.fixtures.idOf?.(message) ?? 0;
  }

  /** The call that a request is, on a connection of its own. */
  call(sample: RequestSample, cuts: readonly number[] = [], id = 1): { server: ScriptedServer; call: ScriptedCall } {
    const server = this.server();
    for (const piece of cut(sample.request(id), cuts)) server.codec.receive(piece);
    return { server, call: server.lastCall };
  }

  /** The same, passed on through a client codec. */
  relay(sample: RequestSample, client: ScriptedClient = this.client(), id = 1): Relayed {
    const { server, call } = this.call(sample, [], id);
    client.forward(call);
    const sent = client.connection.take();
    return { server, client, call, sent, id: this.idOf(sent) };
  }

  /** The upstream answers, and ends its connection where only that ends the answer. */
  answer({ client, call, id }: Relayed, exchange: ExchangeSample, cuts: readonly number[] = []): void {
    for (const piece of cut(exchange.response(id), cuts)) client.codec.receive(piece);
    if (exchange.endsWithConnection) {
      client.codec.receiveEnd();
      if (asksForTunnel(call.head)) call.upstream!.sendData(Buffer.alloc(0), true);
    }
  }

  /**
   * What a client of the protocol makes of the bytes that a server codec writes: `act` gets a server, and the id under
   * which the client waits for the answer to the plain request.
   */
  understood(act: (server: ScriptedServer, id: number) => void, sample: RequestSample = this.plain): ScriptedCall {
    const waiting = this.relay(sample);
    waiting.call.relays = false;
    const server = this.server();
    act(server, waiting.id);
    const { codec } = waiting.client;
    codec.receive(server.connection.take());
    if (server.connection.closed === 'flush' || server.connection.ended) codec.receiveEnd();
    if (server.connection.closed !== undefined) codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    return waiting.call;
  }
}

/** Ends the connection of `to` as that of `from` was. */
export function endLike(from: ScriptedServer, to: ScriptedServer): void {
  if (from.connection.ended) to.connection.end();
  if (from.connection.closed !== undefined) to.connection.close(from.connection.closed);
}

/** Lets everything run that was put off to the end of the turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
