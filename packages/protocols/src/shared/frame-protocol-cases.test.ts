import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Protocol } from '@sofamesh/contract/protocol';
import { cut } from '@sofamesh/testkit/protocol-suite/pieces';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';

/** Frames of a protocol, built without its codec. */
export interface FrameSamples {
  /** A two-way call that carries the token somewhere in its content. `id`: bytes as they stand in the frame. */
  request(id: Buffer, token: string): Buffer;
  /** The answer of a server that gives the token back. */
  response(id: Buffer, token: string): Buffer;
  readonly idAt: number;
  readonly idBytes: number;
  /** The token of a request or response; undefined when the frame is none of those. */
  tokenOf(frame: Buffer): string | undefined;
  /** Length of the frame at the beginning of the bytes, by the samples' own reading. */
  lengthOf(bytes: Buffer): number;
  /** Bytes of a call that tell what it is. Default: 3. */
  readonly detectedWithin?: number;
}

/** What must hold for every protocol of whole frames, beyond the suite of the contract. The protocols' tests call this. */
export function frameProtocolCases(protocol: Protocol, samples: FrameSamples): void {
  const { idAt, idBytes } = samples;
  const idOf = (frame: Buffer) => frame.subarray(idAt, idAt + idBytes);
  const id = (value: number) => {
    const bytes = Buffer.alloc(idBytes);
    bytes.writeUInt32BE(value, idBytes - 4);
    return bytes;
  };
  const framesOf = (bytes: Buffer) => {
    const frames: Buffer[] = [];
    for (let rest = bytes; rest.length > 0; rest = rest.subarray(samples.lengthOf(rest))) {
      frames.push(rest.subarray(0, samples.lengthOf(rest)));
    }
    return frames;
  };
  /** What a server that echoes answers to what it was sent. */
  const echo = (bytes: Buffer) =>
    Buffer.concat(framesOf(bytes).map((frame) => samples.response(idOf(frame), samples.tokenOf(frame)!)));

  test(`${protocol.name}: calls of 100 clients with colliding ids never cross`, () => {
    const client = new ScriptedClient(protocol, undefined, { streamsMax: 4096 });
    const servers = Array.from({ length: 100 }, () => new ScriptedServer(protocol));
    let step = 0;
    for (let round = 0; round < 5; round++) {
      servers.forEach((server, at) => {
        server.onCall = (call) => client.forward(call);
        const calls = [1, 2, 3, 0xffff_ffff].map((each) => samples.request(id(each), `${at}/${round}/${each}`));
        for (const piece of cut(Buffer.concat(calls), [30 + ((at * 7) % 50), 90 + (at % 20)]))
          server.codec.receive(piece);
      });
      // Some are given up before their answer: it must reach nobody.
      const given = servers.flatMap((server) => server.calls.slice(-4)).filter(() => step++ % 7 === 0);
      for (const call of given) call.upstream!.reset('local-reset');
      const answers = framesOf(echo(client.connection.take()));
      const shuffled = answers.map((frame, at) => ({ frame, at: (at * 7919) % answers.length }));
      shuffled.sort((a, b) => a.at - b.at);
      const unsolicited = client.unsolicited;
      client.codec.receive(Buffer.concat(shuffled.map(({ frame }) => frame)));
      assert.equal(client.unsolicited - unsolicited, given.length);
      servers.forEach((server, at) => {
        const seen = framesOf(server.connection.take()).map((frame) => {
          const number = idOf(frame).readUInt32BE(idBytes - 4);
          assert.equal(samples.tokenOf(frame), `${at}/${round}/${number}`);
          return number;
        });
        const lost = server.calls.slice(-4).filter((call) => given.includes(call)).length;
        assert.equal(seen.length, 4 - lost);
      });
      for (const call of given) call.stream.reset('local-reset');
      for (const server of servers) server.connection.take();
    }
    assert.equal(client.codec.activeStreams, 0);
    assert.equal(client.streamEnds, 2000);
    assert.deepEqual(
      servers.map((server) => server.codec.activeStreams),
      servers.map(() => 0),
    );
    assert.ok(!client.connection.tampered);
  });

  test(`${protocol.name}: a call cut short is never one that looks complete`, () => {
    const call = samples.request(id(1), 'token');
    for (let end = 1; end < call.length; end++) {
      const server = new ScriptedServer(protocol);
      server.codec.receive(Buffer.from(call.subarray(0, end)));
      assert.equal(server.calls.length, 0);
      assert.equal(server.codec.heldBytes, end);
      server.codec.receiveEnd();
      assert.equal(server.faults[0]?.code, 'truncated_frame');
      assert.equal(server.connection.closed, 'flush');
    }
  });

  test(`${protocol.name}: a client that half-closes gets what it asked for, then the end`, () => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(samples.request(id(1), 'token'));
    server.codec.receiveEnd();
    assert.equal(server.connection.closed, undefined);
    server.calls[0]!.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
    assert.equal(framesOf(server.connection.take()).length, 1);
    assert.equal(server.connection.closed, 'flush');
    assert.equal(server.calls[0]!.requestReset, undefined);
  });

  test(`${protocol.name}: a server that breaks the protocol fails its calls and is closed`, () => {
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = (call) => client.forward(call);
    server.codec.receive(samples.request(id(1), 'token'));
    client.codec.receive(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
    assert.equal(client.faults[0]?.code, 'bad_magic');
    assert.equal(client.faults[0]?.scope, 'connection');
    assert.equal(client.connection.closed, 'now');
    assert.equal(server.calls[0]!.responseReset, 'protocol-error');
    assert.equal(client.codec.retired, true);
    assert.equal(server.connection.closed, undefined);
  });

  test(`${protocol.name}: heads of another protocol are refused`, () => {
    const client = new ScriptedClient(protocol);
    const server = new ScriptedServer(protocol);
    server.codec.receive(samples.request(id(5), 'token'));
    const call = server.calls[0]!;
    const stream = client.codec.openStream(call);
    const foreign = { protocol: 'HTTP/1.1' } as never;
    assert.throws(() => stream.sendHead(foreign, true), { code: 'foreign_head' });
    assert.throws(() => call.stream.sendHead(foreign, true), { code: 'foreign_head' });
    // Nothing was sent: both can still be used or given up.
    stream.sendHead(call.head, true);
    client.codec.receive(echo(client.connection.take()));
    assert.equal(framesOf(server.connection.take()).length, 1);
  });

  test(`${protocol.name}: a head that is not the whole message is refused`, () => {
    const client = new ScriptedClient(protocol);
    const server = new ScriptedServer(protocol);
    server.codec.receive(samples.request(id(5), 'token'));
    const call = server.calls[0]!;
    client.codec.openStream(call).sendHead(call.head, false);
    assert.equal(call.responseReset, 'protocol-error');
    assert.equal(client.codec.activeStreams, 0);
    assert.equal(client.connection.written.length, 0);
  });

  test(`${protocol.name}: detection needs no more bytes than it must`, () => {
    const call = samples.request(id(1), 'token');
    const verdicts = Array.from({ length: call.length }, (_, at) => protocol.detect(call.subarray(0, at)));
    const first = verdicts.indexOf('match');
    assert.ok(first > 0 && first <= (samples.detectedWithin ?? 3));
    assert.deepEqual(new Set(verdicts.slice(0, first)), new Set(['more']));
    assert.deepEqual(new Set(verdicts.slice(first)), new Set(['match']));
    for (const other of ['GET / HTTP/1.1', 'PRI * HTTP/2.0', '\x16\x03\x01', '\x80\x01\x00\x01']) {
      assert.equal(protocol.detect(Buffer.from(other, 'latin1').subarray(0, 1)), 'mismatch', other);
    }
  });
}
