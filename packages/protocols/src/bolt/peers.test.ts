import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Transform, Writable } from 'node:stream';
import { test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './bolt.ts';

interface Encoder extends Transform {
  writeRequest(id: number, request: object): void;
  writeResponse(request: object, response: object): void;
  writeHeartbeat(id: number, heartbeat: object): void;
}

/** What npm's own bolt package makes of frames. */
interface Decoded {
  readonly packetId: number;
  readonly packetType: string;
  readonly data: { methodName?: string; args?: unknown[]; appResponse?: unknown; error?: Error };
  readonly options: object;
}

interface BoltPackage {
  encoder(options: object): Encoder;
  decoder(options: object): Writable;
}

function boltPackage(): BoltPackage | undefined {
  try {
    return createRequire(import.meta.url)('sofa-bolt-node');
  } catch {
    return undefined;
  }
}

const skip = boltPackage() === undefined ? 'sofa-bolt-node is not installed' : false;
const variants = [
  { protocolType: 'bolt', boltVersion: 1, crcEnable: false },
  { protocolType: 'bolt2', boltVersion: 2, crcEnable: false },
  { protocolType: 'bolt2', boltVersion: 2, crcEnable: true },
];

for (const variant of variants) {
  test(`sofa-bolt-node calls itself through both codecs: ${JSON.stringify(variant)}`, { skip }, () => {
    const { encoder, decoder } = boltPackage()!;
    const sentReqs = new Map<number, object>();
    const encode = (write: (each: Encoder) => void): Buffer => {
      const each = Object.assign(encoder({ sentReqs }), variant);
      const written: Buffer[] = [];
      each.on('data', (bytes: Buffer) => written.push(bytes));
      write(each);
      return Buffer.concat(written);
    };
    const decode = (bytes: Buffer): Decoded[] => {
      const packets: Decoded[] = [];
      const each = decoder({ sentReqs });
      for (const kind of ['request', 'response', 'heartbeat', 'heartbeat_ack']) {
        each.on(kind, (packet: Decoded) => packets.push(packet));
      }
      each.write(bytes);
      return packets;
    };
    const server = new ScriptedServer(protocol);
    const client = new ScriptedClient(protocol);
    server.onCall = (call) => client.forward(call);
    const calls = ['getUser', 'a'.repeat(40), 'grüße'];
    const requests = encode((each) => {
      calls.forEach((methodName, at) => {
        const request = { args: [at, 'text'], serverSignature: 'com.x.Users:1.0', methodName, timeout: 900 };
        sentReqs.set(70 + at, { req: request });
        each.writeRequest(70 + at, request);
      });
      each.writeHeartbeat(99, { timeout: 900 });
    });
    server.codec.receive(requests);
    assert.deepEqual(server.faults, []);
    for (const [at, { head }] of server.calls.entries()) {
      assert.deepEqual(
        [head.authority, head.path, head.get('version'), head.timeoutMs],
        ['com.x.Users', `/${calls[at]}`, '1.0', 900],
      );
      assert.deepEqual(
        [0, 1, 2].map((place) => head.argument?.(place)),
        [`${at}`, 'text', undefined],
      );
    }
    const acknowledged = decode(server.connection.take());
    assert.deepEqual(
      acknowledged.map(({ packetType, packetId }) => [packetType, packetId]),
      [['heartbeat_ack', 99]],
    );
    const arrived = decode(client.connection.take());
    assert.deepEqual(
      arrived.map(({ data }) => [data.methodName, data.args]),
      calls.map((methodName, at) => [methodName, [at, 'text']]),
    );
    const answers = encode((each) => {
      for (const packet of arrived) {
        each.writeResponse(packet, { isError: false, appResponse: `to ${packet.data.methodName}` });
      }
    });
    client.codec.receive(answers);
    assert.deepEqual(
      decode(server.connection.take()).map(({ packetId, data }) => [packetId, data.appResponse]),
      calls.map((methodName, at) => [70 + at, `to ${methodName}`]),
    );
    // An answer of ours is an error to it, with its reason, not a broken connection.
    server.onCall = (call) => call.stream.sendReply({ status: 504, body: 'late', details: '', flags: 0 });
    server.codec.receive(
      encode((each) => each.writeRequest(70, { args: [], serverSignature: 'A:1', methodName: 'm', timeout: 1 })),
    );
    const [failed] = decode(server.connection.take());
    assert.equal(failed?.packetId, 70);
    assert.match(String(failed.data.error), /504\|late$/);
  });
}
