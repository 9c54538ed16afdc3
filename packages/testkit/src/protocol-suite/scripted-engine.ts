import assert from 'node:assert/strict';
import type { Headers, LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import {
  type ClientCodec,
  type ClientStream,
  type ClientStreamHandler,
  type CodecLimits,
  defaultCodecLimits,
  type Protocol,
  type ProtocolFault,
  type ServerCodec,
  type ServerStream,
  type ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import { ScriptedConnection } from '../scripted-connection.ts';

/** The request has no end of its own: what follows its head is for the tunnel that it asks for. */
export function asksForTunnel(head: RequestHead): boolean {
  return head.upgrade !== undefined || head.method === 'CONNECT';
}

/**
 * One request as an engine sees it: everything that was said about it, in order, and checked to be in the order that the contract
 * promises. Once it was forwarded, what comes from either side is passed to the other.
 */
export class ScriptedCall implements ServerStreamHandler, ClientStreamHandler {
  readonly stream: ServerStream;
  readonly head: RequestHead;
  upstream: ClientStream | undefined;
  /** False: the response is recorded and not passed to the client. */
  relays = true;
  readonly requestData: Buffer[] = [];
  requestTrailers: Headers | undefined;
  requestEnded: boolean;
  requestReset: ResetReason | undefined;
  readonly informational: number[] = [];
  response: ResponseHead | undefined;
  readonly responseData: Buffer[] = [];
  responseTrailers: Headers | undefined;
  responseEnded = false;
  responseReset: ResetReason | undefined;
  writableCalls = 0;
  /** The request was complete in one call. */
  readonly #whole: boolean;

  constructor(stream: ServerStream, head: RequestHead, end: boolean) {
    this.stream = stream;
    this.head = head;
    this.requestEnded = end;
    this.#whole = end;
  }

  /** Sends what has come of the request; what comes later follows by itself. */
  forward(upstream: ClientStream): void {
    this.upstream = upstream;
    upstream.sendHead(this.head, this.#whole);
    this.requestData.forEach((chunk, at) => {
      const last = at === this.requestData.length - 1 && this.requestEnded && this.requestTrailers === undefined;
      upstream.sendData(chunk, last);
    });
    if (this.requestTrailers !== undefined) upstream.sendTrailers(this.requestTrailers);
  }

  get requestBody(): Buffer {
    return this.head.body ?? Buffer.concat(this.requestData);
  }

  get responseBody(): Buffer {
    return this.response?.body ?? Buffer.concat(this.responseData);
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    this.#requestGoesOn();
    this.requestData.push(chunk);
    this.requestEnded = end;
    this.upstream?.sendData(chunk, end);
  }

  onRequestTrailers(trailers: Headers): void {
    this.#requestGoesOn();
    this.requestTrailers = trailers;
    this.requestEnded = true;
    this.upstream?.sendTrailers(trailers);
  }

  onRequestReset(reason: ResetReason): void {
    assert.equal(this.requestReset, undefined, 'a request is reset once');
    this.requestReset = reason;
  }

  onResponseWritable(): void {
    this.writableCalls++;
  }

  onInformational(head: ResponseHead): void {
    this.#responseGoesOn();
    assert.equal(this.response, undefined, 'no interim response follows the final one');
    this.informational.push(head.status);
    if (this.relays) this.stream.sendInformational(head);
  }

  onResponseHead(head: ResponseHead, end: boolean): void {
    this.#responseGoesOn();
    assert.equal(this.response, undefined, 'one response head');
    this.response = head;
    this.responseEnded = end;
    if (this.relays) this.stream.sendHead(head, end);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    this.#responseGoesOn();
    assert.notEqual(this.response, undefined, 'data follows a head');
    this.responseData.push(chunk);
    this.responseEnded = end;
    if (this.relays) this.stream.sendData(chunk, end);
  }

  onResponseTrailers(trailers: Headers): void {
    this.#responseGoesOn();
    assert.notEqual(this.response, undefined, 'trailers follow a head');
    this.responseTrailers = trailers;
    this.responseEnded = true;
    if (this.relays) this.stream.sendTrailers(trailers);
  }

  /** A tunnel can be lost after one of its directions has ended. */
  onResponseReset(reason: ResetReason): void {
    assert.equal(this.responseReset, undefined, 'a response is reset once');
    assert.ok(!this.responseEnded || asksForTunnel(this.head), 'no reset follows the end of a response');
    this.responseReset = reason;
  }

  onRequestWritable(): void {
    this.writableCalls++;
  }

  #requestGoesOn(): void {
    assert.equal(this.requestReset, undefined, 'nothing follows the reset of a request');
    assert.ok(!this.requestEnded, 'nothing follows the end of a request');
  }

  #responseGoesOn(): void {
    assert.equal(this.responseReset, undefined, 'nothing follows the reset of a response');
    assert.ok(!this.responseEnded, 'nothing follows the end of a response');
  }
}

/** A server codec on a scripted connection, with everything that it said. */
export class ScriptedServer {
  readonly connection = new ScriptedConnection();
  readonly calls: ScriptedCall[] = [];
  readonly faults: ProtocolFault[] = [];
  readonly codec: ServerCodec;
  heartbeats = 0;
  drained = 0;
  /** The engine closes the connection then. */
  whenDrained: () => void = () => {};
  /** What is done with a new call. */
  onCall: (call: ScriptedCall) => void = () => {};
  /** What the engine adds to the codec's own answers. */
  decorateReply: (reply: LocalReply) => LocalReply = (reply) => reply;

  constructor(protocol: Protocol, settings?: unknown, limits: Partial<CodecLimits> = {}) {
    const host = {
      decorateReply: (reply: LocalReply) => this.decorateReply(reply),
      onRequest: (stream: ServerStream, head: RequestHead, end: boolean) => {
        const call = new ScriptedCall(stream, head, end);
        this.calls.push(call);
        this.onCall(call);
        return call;
      },
      onFault: (fault: ProtocolFault) => this.faults.push(fault),
      onHeartbeat: () => {
        this.heartbeats++;
      },
      onDrained: () => {
        this.drained++;
        this.whenDrained();
      },
    };
    this.codec = protocol.createServerCodec(this.connection, host, optionsOf(settings, limits));
  }

  get lastCall(): ScriptedCall {
    const call = this.calls.at(-1);
    assert.ok(call !== undefined, `no call came${this.faults.length > 0 ? `: ${this.faults[0]!.message}` : ''}`);
    return call;
  }
}

/** A client codec on a scripted connection, with everything that it said. */
export class ScriptedClient {
  readonly connection = new ScriptedConnection();
  readonly faults: ProtocolFault[] = [];
  readonly codec: ClientCodec;
  streamEnds = 0;
  availabilityChanges = 0;
  unsolicited = 0;
  heartbeatReplies = 0;

  constructor(protocol: Protocol, settings?: unknown, limits: Partial<CodecLimits> = {}) {
    const host = {
      onStreamEnd: () => {
        this.streamEnds++;
      },
      onAvailabilityChange: () => {
        this.availabilityChanges++;
      },
      onFault: (fault: ProtocolFault) => this.faults.push(fault),
      onUnsolicited: () => {
        this.unsolicited++;
      },
      onHeartbeatReply: () => {
        this.heartbeatReplies++;
      },
    };
    this.codec = protocol.createClientCodec(this.connection, host, optionsOf(settings, limits));
  }

  /** Passes a call on. */
  forward(call: ScriptedCall): ClientStream {
    const stream = this.codec.openStream(call);
    call.forward(stream);
    return stream;
  }
}

function optionsOf(settings: unknown, limits: Partial<CodecLimits>) {
  return { limits: { ...defaultCodecLimits, ...limits }, settings };
}
