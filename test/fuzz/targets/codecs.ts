import assert from 'node:assert/strict';
import type { Headers, LocalReply } from '@sofamesh/contract/message';
import type { ClientStream, Protocol } from '@sofamesh/contract/protocol';
import { settled } from '@sofamesh/testkit/protocol-suite/bench';
import { requestTranscript, responseTranscript } from '@sofamesh/testkit/protocol-suite/expectations';
import { type ScriptedCall, ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import type { FuzzTarget, Observation } from '../target.ts';

export interface CodecSamples {
  readonly protocol: Protocol;
  readonly settings?: unknown;
  /** What a client's requests are read with, where that is another protocol. */
  readonly callers?: Protocol;
  readonly tokens: FuzzTarget['tokens'];
  readonly parts?: NonNullable<FuzzTarget['parts']>;
  /**
   * Whether what is written depends only on what was read. Not so where the codec says how much it has taken
   * (window updates), which follows how the bytes came.
   */
  readonly comparesWritten?: boolean;
  /**
   * Requests are refused before they have ended: what their client may still send follows from how much of it had come. From
   * a first fault on nothing is compared.
   */
  readonly refusesEarly?: boolean;
  /** What the codec makes up anew every time. */
  readonly random?: RegExp;
}

/** What clients may send to a server codec; every request is answered when it is complete. */
export function serverTarget(name: string, samples: CodecSamples, corpus: () => readonly Buffer[]): FuzzTarget {
  const { protocol, settings, tokens, parts, random, comparesWritten = true, refusesEarly = false } = samples;
  return {
    name,
    corpus,
    tokens,
    ...(parts && { parts }),
    async run(pieces) {
      const server = new ScriptedServer(protocol, settings);
      server.onCall = (call) => {
        if (call.requestEnded) call.stream.sendReply(answer);
        else call.upstream = new AnswerAtEnd(call);
      };
      await feed(server, pieces);
      const { connection, faults, calls } = server;
      const [fault] = faults;
      const whole = observe(random, {
        calls: calls.map(requestTranscript).map(comparable),
        faults: faults.map(({ scope, code }) => `${scope} ${code}`),
        written: comparesWritten ? connection.written.toString('latin1') : '',
        ended: [connection.closed, connection.ended, server.drained],
      });
      finish(server);
      return refusesEarly && fault !== undefined ? { ...whole, said: `${fault.scope} ${fault.code}` } : whole;
    },
  };
}

/** What servers may send to a client codec that has sent these requests; as many as it takes at once are open. */
export function clientTarget(
  name: string,
  samples: CodecSamples,
  requests: readonly Buffer[],
  corpus: () => readonly Buffer[],
): FuzzTarget {
  const { protocol, settings, callers = protocol, tokens, parts } = samples;
  const exclusive = protocol.pooling === 'exclusive';
  return {
    name,
    // The first octet says which request is answered first.
    corpus: () => corpus().map((bytes, at) => Buffer.concat([Buffer.of(at % requests.length), bytes])),
    tokens,
    ...(parts && {
      parts: {
        split: (bytes) => [bytes.subarray(0, 1), ...parts.split(bytes.subarray(1))],
        join: ([first = Buffer.of(0), ...rest]) => Buffer.concat([first.subarray(0, 1), parts.join(rest)]),
      },
    }),
    async run([first = Buffer.alloc(0), ...rest]) {
      const client = new ScriptedClient(protocol, settings);
      const calls = openCalls(callers, settings, client, requests, first[0] ?? 0);
      client.connection.take();
      await feed(client, [first.subarray(1), ...rest]);
      const { connection, faults, unsolicited } = client;
      const observation = observe(samples.random, {
        calls: calls.map(responseTranscript).map(comparable),
        faults: faults.map(({ scope, code }) => `${scope} ${code}`),
        written: '',
        // Whether bytes behind the last answer come before the connection is closed is a matter of pieces.
        ended: [connection.closed !== undefined, exclusive || unsolicited, client.codec.retired],
      });
      finish(client);
      for (const call of calls) {
        assert.ok(call.responseEnded || call.responseReset !== undefined, 'a call was forgotten');
      }
      return observation;
    },
  };
}

function openCalls(
  protocol: Protocol,
  settings: unknown,
  client: ScriptedClient,
  requests: readonly Buffer[],
  first: number,
): ScriptedCall[] {
  const calls: ScriptedCall[] = [];
  for (let at = 0; at < requests.length && client.codec.available > 0; at++) {
    const server = new ScriptedServer(protocol, settings);
    server.codec.receive(Buffer.from(requests[(first + at) % requests.length]!));
    const call = server.lastCall;
    call.relays = false;
    client.forward(call);
    calls.push(call);
  }
  return calls;
}

const answer: LocalReply = { status: 404, body: 'nobody', details: 'fuzz', flags: 0 };

/** In place of an upstream: answers when the request has come to its end. */
class AnswerAtEnd implements ClientStream {
  readonly writable = true;
  readonly #call: ScriptedCall;

  constructor(call: ScriptedCall) {
    this.#call = call;
  }

  sendHead(): void {}

  sendData(_chunk: Buffer, end: boolean): void {
    if (end) this.#call.stream.sendReply(answer);
  }

  sendTrailers(_trailers: Headers): void {
    this.#call.stream.sendReply(answer);
  }

  reset(): void {}
  pauseResponse(): void {}
  resumeResponse(): void {}
}

/** As a connection would: nothing after it was closed, and each piece in a turn of its own. */
async function feed(side: ScriptedServer | ScriptedClient, pieces: readonly Buffer[]): Promise<void> {
  const { connection, codec, faults } = side;
  let received = 0;
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (connection.closed !== undefined || !connection.reading) break;
    received += piece.length;
    codec.receive(piece);
    assert.ok(codec.heldBytes <= received, 'more is held than came');
    await settled();
  }
  const broken = faults.some(({ scope }) => scope === 'connection');
  if (broken) assert.notEqual(connection.closed, undefined, 'a fault of the connection closes it');
  if (connection.closed === undefined) codec.receiveEnd();
  await settled();
}

function finish({ codec, connection }: ScriptedServer | ScriptedClient): void {
  codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
  assert.equal(codec.activeStreams, 0, 'streams are left when the connection is gone');
  assert.equal(connection.tampered, false, 'bytes were changed after they had been written');
}

interface Call {
  readonly reset: unknown;
  readonly ended: boolean;
  readonly body: string;
}

/** How much of a broken message came through before it broke is a matter of pieces. */
function comparable<Transcript extends Call>(call: Transcript): Transcript {
  return call.reset === undefined ? call : { ...call, body: '' };
}

interface Seen {
  readonly calls: readonly Call[];
  readonly faults: readonly string[];
  readonly written: string;
  readonly ended: readonly unknown[];
}

function observe(random: RegExp | undefined, seen: Seen): Observation {
  const calls = seen.calls.slice(0, 4).map(({ reset, ended }) => `${reset ?? (ended ? 'whole' : 'open')}`);
  const said = JSON.stringify(seen, null, 1);
  return {
    said: random === undefined ? said : said.replaceAll(random, 'random'),
    sort: [...calls, ...seen.faults.slice(0, 3), ...seen.ended].join(),
  };
}
