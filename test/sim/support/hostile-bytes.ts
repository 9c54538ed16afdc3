import { type Random, randomInteger } from '@sofamesh/base/random';
import { garbage, oneIn, oneOf, weighted } from './chance.ts';
import type { RpcWire } from './rpc-wire.ts';
import { type SimProtocol, wireOf } from './wires.ts';

/** Requests as they should be, one behind the other. */
export function goodRequests(random: Random, protocol: SimProtocol): Buffer {
  const wire = wireOf(protocol);
  const requests = Array.from({ length: 1 + randomInteger(random, 3) }, () => {
    const bytes = randomInteger(random, 200);
    if (wire !== undefined) {
      if (wire.heartbeats !== undefined && oneIn(random, 6))
        return wire.heartbeats.question(randomInteger(random, 100));
      const oneWay = oneIn(random, 5);
      return wire.call({ id: randomInteger(random, 100), token: '<evil>', bytes, oneWay, timeoutMs: 0 });
    }
    return httpRequest(random, bytes);
  });
  return Buffer.concat(requests);
}

function httpRequest(random: Random, bytes: number): Buffer {
  const body = 'x'.repeat(bytes);
  return Buffer.from(
    oneOf(random, [
      'GET /a?b=c HTTP/1.1\r\nhost: shop\r\naccept: */*\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      'HEAD /x HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n',
      `POST /b HTTP/1.1\r\nhost: shop\r\ncontent-length: ${bytes}\r\n\r\n${body}`,
      `PUT /c HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n${chunk(body)}0\r\nx-t: 1\r\n\r\n`,
      `POST /d HTTP/1.1\r\nhost: shop\r\nexpect: 100-continue\r\ncontent-length: ${bytes}\r\n\r\n${body}`,
      'GET /ws HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      'CONNECT shop:443 HTTP/1.1\r\nhost: shop:443\r\n\r\nxyz',
    ]),
  );
}

/** An answer as it should be. `request` is what came: the first whole frame in it, if there is one, is answered. */
export function goodAnswer(random: Random, protocol: SimProtocol, request: Buffer): Buffer {
  const wire = wireOf(protocol);
  const bytes = randomInteger(random, 300);
  if (wire !== undefined) {
    const frame = wholeFrame(wire, request);
    const unasked = [wire.goAway?.(), wire.heartbeats?.question(3)].filter((each) => each !== undefined);
    if (frame === undefined) return unasked[0] ?? garbage(random);
    const answer = answerTo(wire, frame, oneIn(random, 5), bytes) ?? garbage(random);
    return oneIn(random, 8) ? oneOf(random, [...unasked, answer]) : answer;
  }
  const body = 'y'.repeat(bytes);
  return Buffer.from(
    oneOf(random, [
      `HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n${body}`,
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${body}`,
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nabc',
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n',
      `HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n`,
    ]),
  );
}

/** Undefined: a hostile client has spoilt the call. */
function answerTo(wire: RpcWire, call: Buffer, failed: boolean, bytes: number): Buffer | undefined {
  try {
    return wire.answer(call, '<evil>', failed, bytes);
  } catch {
    return undefined;
  }
}

function chunk(body: string): string {
  return body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
}

function wholeFrame(wire: RpcWire, bytes: Buffer): Buffer | undefined {
  try {
    const length = bytes.length === 0 ? 0 : wire.length(bytes);
    return length > 0 && length <= bytes.length ? bytes.subarray(0, length) : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes with a few things wrong, or quite other ones. */
export function mutated(random: Random, bytes: Buffer): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let left = randomInteger(random, 4); left > 0; left--) result = mutatedOnce(random, result);
  return result;
}

function mutatedOnce(random: Random, bytes: Buffer): Buffer {
  const at = randomInteger(random, bytes.length + 1);
  const to = at + randomInteger(random, bytes.length - at + 1);
  const kind = weighted(random, { flip: 6, cut: 2, remove: 2, repeat: 2, insert: 2, length: 4, line: 2, replace: 1 });
  switch (kind) {
    case 'flip':
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInteger(random, 8));
      return bytes;
    case 'cut':
      return bytes.subarray(0, at);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), garbage(random), bytes.subarray(at)]);
    case 'length':
      // Where RPC frames tell lengths.
      if (bytes.length >= 24) bytes.writeUInt16BE(randomInteger(random, 0x10000), 8 + randomInteger(random, 14));
      return bytes;
    case 'line':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(oneOf(random, oddLines)), bytes.subarray(at)]);
    case 'replace':
      return garbage(random);
  }
}

const oddLines = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '0\r\n\r\n',
  'ffffffffffff\r\n',
  'content-length: 5\r\n',
  'content-length: 99999999999999999999\r\n',
  'transfer-encoding: chunked\r\n',
  'transfer-encoding: gzip, chunked\r\n',
  'connection: close, content-length\r\n',
  'host: other\r\n',
  `x-long: ${'l'.repeat(5000)}\r\n`,
  'HTTP/1.1 200 OK\r\n',
  ' folded\r\n',
  ': empty\r\n',
];
