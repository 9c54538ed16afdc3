import assert from 'node:assert/strict';
import { readClientHello } from '@sofamesh/base/client-hello';
import type { Protocol } from '@sofamesh/contract/protocol';
import { protocol as bolt } from '@sofamesh/protocols/bolt/bolt';
import { realFrames as boltFrames } from '@sofamesh/protocols/bolt/sample-frames.test';
import { protocol as dubbo } from '@sofamesh/protocols/dubbo/dubbo';
import { realFrames as dubboFrames } from '@sofamesh/protocols/dubbo/sample-frames.test';
import { protocol as dubboThrift } from '@sofamesh/protocols/dubbo-thrift/dubbo-thrift';
import { dubboThriftFrame } from '@sofamesh/protocols/dubbo-thrift/sample-frames.test';
import { protocol as example } from '@sofamesh/protocols/example/example';
import { exampleFrame } from '@sofamesh/protocols/example/sample-frames.test';
import { protocol as hsf } from '@sofamesh/protocols/hsf/hsf';
import { callSample, hsfFrame } from '@sofamesh/protocols/hsf/sample-frames.test';
import { protocol as http1 } from '@sofamesh/protocols/http1/http1';
import { exchanges } from '@sofamesh/protocols/http1/sample-messages.test';
import { protocol as http2 } from '@sofamesh/protocols/http2/http2';
import { realFrames as tarsFrames } from '@sofamesh/protocols/tars/sample-frames.test';
import { protocol as tars } from '@sofamesh/protocols/tars/tars';
import { realFrames as thriftFrames } from '@sofamesh/protocols/thrift/sample-frames.test';
import { protocol as thrift } from '@sofamesh/protocols/thrift/thrift';
import { readProxyHeader } from '@sofamesh/proxy/proxy-protocol/read-header';
import type { FuzzTarget, Observation } from '../target.ts';

// Readers that are asked again with more of a connection's first bytes until they know.

/** What a reader says in the end; having said it, it may not say anything else for more bytes. */
function decide(pieces: readonly Buffer[], read: (prefix: Buffer) => string): Observation {
  let prefix = Buffer.alloc(0);
  let said = 'more';
  for (const piece of pieces) {
    prefix = Buffer.concat([prefix, piece]);
    const now = read(prefix);
    if (said !== 'more') assert.equal(now, said, 'more bytes changed what was decided');
    said = now;
  }
  return { said, sort: said.slice(0, 12).replaceAll(/\d+/g, 'N') };
}

const helloOf = (extensions: Buffer) => {
  const body = Buffer.concat([
    Buffer.from('0303', 'hex'),
    Buffer.alloc(32, 7),
    Buffer.from('00 0002 1301 0100'.replaceAll(' ', ''), 'hex'),
    uint16(extensions.length),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.of(1, 0), uint16(body.length), body]);
  return Buffer.concat([Buffer.from('160301', 'hex'), uint16(handshake.length), handshake]);
};
const extension = (type: number, value: Buffer) => Buffer.concat([uint16(type), uint16(value.length), value]);
const listed = (...items: Buffer[]) => {
  const all = Buffer.concat(items);
  return Buffer.concat([uint16(all.length), all]);
};
const serverName = (name: string) => extension(0, listed(Buffer.of(0), uint16(name.length), Buffer.from(name)));
const alpn = (...names: string[]) =>
  extension(16, listed(...names.flatMap((name) => [Buffer.of(name.length), Buffer.from(name)])));

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export const clientHelloTarget: FuzzTarget = {
  name: 'client-hello',
  corpus: () => [
    helloOf(Buffer.alloc(0)),
    helloOf(Buffer.concat([serverName('books.example.com'), alpn('h2', 'http/1.1')])),
    helloOf(Buffer.concat([extension(5, Buffer.from('0100000000', 'hex')), extension(13, listed(uint16(0x403)))])),
  ],
  tokens: [serverName('a'), alpn('h2'), '\x16\x03\x01', '\x16\x03\x01\x00\x00', '\x16\x03\x01\x00\x01\x01'],
  run: (pieces) => decide(pieces, (prefix) => textOf(readClientHello(prefix))),
};

function textOf(answer: unknown): string {
  return typeof answer === 'string' ? answer : JSON.stringify(answer);
}

const version2 = (command: number, family: number, rest: Buffer) =>
  Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21', 'latin1'), Buffer.of(family), uint16(rest.length), rest]).fill(
    0x20 | command,
    12,
    13,
  );

export const proxyProtocolTarget: FuzzTarget = {
  name: 'proxy-protocol',
  corpus: () => [
    Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\nGET /'),
    Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 4000 80\r\n'),
    Buffer.from('PROXY UNKNOWN ffff::1 x y z\r\n'),
    version2(1, 0x11, Buffer.from('c0000201c00002020fa00050', 'hex')),
    version2(1, 0x21, Buffer.concat([Buffer.alloc(32, 1), Buffer.from('0fa00050', 'hex')])),
    version2(1, 0x11, Buffer.from('c0000201c00002020fa00050010002683205000161', 'hex')),
    version2(0, 0, Buffer.alloc(0)),
  ],
  tokens: ['PROXY ', '\r\n', ' ', 'TCP4', 'TCP6', 'UNKNOWN', '65535', '65536', '0', '::ffff:1.2.3.4', '\x04\x00\x01a'],
  run: (pieces) =>
    decide(pieces, (prefix) => {
      const answer = readProxyHeader(prefix, [1, 2]);
      if (typeof answer === 'object' && answer.kind === 'header') assert.ok(answer.bytes <= prefix.length);
      return textOf(answer);
    }),
};

const protocols: readonly Protocol[] = [http1, http2, bolt, dubbo, tars, hsf, thrift, dubboThrift, example];

/** What every protocol thinks of the same first bytes. */
export const detectionTarget: FuzzTarget = {
  name: 'detection',
  corpus: () => [
    exchanges[0]!.request(1),
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from(boltFrames.v1Request, 'hex'),
    Buffer.from(boltFrames.v2Request, 'hex'),
    Buffer.from(dubboFrames.request, 'hex'),
    Buffer.from(tarsFrames.request, 'hex'),
    hsfFrame(callSample),
    exampleFrame({}),
    dubboThriftFrame({}),
    ...Object.values(thriftFrames).map((digits) => Buffer.from(digits, 'hex')),
  ],
  tokens: [
    'GET ',
    ' HTTP/1.1\r\n',
    '\r\n',
    '\xda\xbb',
    'PRI * HTTP/2.0\r\n\r\n',
    '\0\0\0\x28\x10\x01',
    '\xe8\x5f\x01',
    '\x80\x01\0\x01',
    '\x82\x21',
    '\x0f\xff',
    '\xda\xbc',
  ],
  run(pieces) {
    const seen = protocols.map((protocol) => decide(pieces, (prefix) => protocol.detect(prefix)));
    const matching = seen.filter((each) => each.said === 'match');
    assert.ok(matching.length <= 1, 'two protocols take the connection for theirs');
    const said = seen.map((each) => each.said).join();
    return { said, sort: said };
  },
};
