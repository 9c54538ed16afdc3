import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Transform, Writable } from 'node:stream';
import { test } from 'node:test';
import { ScriptedClient, ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './dubbo.ts';

interface Encoder extends Transform {
  writeRequest(id: number, request: object): void;
  writeResponse(request: object, response: object): void;
  writeHeartbeat(id: number, heartbeat: object): void;
}

/** What npm's own Dubbo package makes of frames. */
interface Decoded {
  readonly packetId: number;
  readonly packetType: string;
  readonly data: {
    methodName?: string;
    args?: unknown[];
    requestProps?: Record<string, string>;
    appResponse?: unknown;
    error?: Error;
  };
}

interface DubboPackage {
  encoder(options: object): Encoder;
  decoder(options: object): Writable;
}

function dubboPackage(): DubboPackage | undefined {
  try {
    return createRequire(import.meta.url)('dubbo-remoting');
  } catch {
    return undefined;
  }
}

const skip = dubboPackage() === undefined ? 'dubbo-remoting is not installed' : false;

test('dubbo-remoting calls itself through both codecs', { skip }, () => {
  const { encoder, decoder } = dubboPackage()!;
  const encode = (write: (each: Encoder) => void): Buffer => {
    const each = encoder({ sentReqs: new Map() });
    const written: Buffer[] = [];
    each.on('data', (bytes: Buffer) => written.push(bytes));
    write(each);
    return Buffer.concat(written);
  };
  const decode = (bytes: Buffer): Decoded[] => {
    const packets: Decoded[] = [];
    const each = decoder({});
    for (const kind of ['request', 'response', 'heartbeat', 'heartbeat_ack']) {
      each.on(kind, (packet: Decoded) => packets.push(packet));
    }
    each.write(bytes);
    return packets;
  };
  const server = new ScriptedServer(protocol);
  const client = new ScriptedClient(protocol);
  server.onCall = (call) => {
    call.head.set('tenant', 'größe');
    client.forward(call);
  };
  const argumentLists: unknown[][] = [
    [],
    ['text', 'x'.repeat(3000), 'größe 😀'.repeat(100)],
    [1, -1, 2 ** 31, 1.5, true, null],
    [['a', ['b']], { a: { b: [1, 2] } }, new Date(0)],
    [{ $class: 'com.x.User', $: { id: 1, friends: [{ $class: 'com.x.User', $: { id: 2, friends: [] } }] } }],
  ];
  const requests = encode((each) => {
    argumentLists.forEach((args, at) => {
      const requestProps = { timeout: '250', index: String(at) };
      each.writeRequest(70 + at, {
        args,
        serverSignature: 'com.x.Users:1.0',
        methodName: 'getUser',
        group: 'g',
        requestProps,
      });
    });
    each.writeHeartbeat(99, {});
  });
  server.codec.receive(requests);
  assert.deepEqual(server.faults, []);
  for (const [at, { head }] of server.calls.entries()) {
    assert.deepEqual(
      [head.authority, head.path, head.get('version'), head.get('group'), head.get('index'), head.timeoutMs],
      ['com.x.Users', '/getUser', '1.0', 'g', String(at), 250],
    );
  }
  assert.deepEqual(
    decode(server.connection.take()).map(({ packetType, packetId }) => [packetType, packetId]),
    [['heartbeat_ack', 99]],
  );
  const arrived = decode(client.connection.take());
  // What it reads of an unchanged request is what it must read of ours.
  const sent = decode(requests).filter(({ packetType }) => packetType === 'request');
  assert.deepEqual(
    arrived.map(({ data }) => [data.methodName, data.args]),
    sent.map(({ data }) => [data.methodName, data.args]),
  );
  for (const { data } of arrived) assert.equal(data.requestProps?.tenant, 'größe');
  const answers = encode((each) => {
    for (const packet of arrived) each.writeResponse(packet, { isError: false, appResponse: ['to', packet.packetId] });
  });
  client.codec.receive(answers);
  assert.deepEqual(
    decode(server.connection.take()).map(({ packetId, data }) => [packetId, data.appResponse]),
    arrived.map(({ packetId }, at) => [70 + at, ['to', packetId]]),
  );
  server.onCall = (call) => call.stream.sendReply({ status: 404, body: 'no such route', details: '', flags: 0 });
  server.codec.receive(encode((each) => each.writeRequest(70, { args: [], serverSignature: 'A:1', methodName: 'm' })));
  const [failed] = decode(server.connection.take());
  assert.deepEqual([failed?.packetId, failed?.data.error?.message], [70, '404|no such route']);
});
