import type { Protocol } from '@sofamesh/contract/protocol';
import { protocol as bolt } from '@sofamesh/protocols/bolt/bolt';
import { protocol as dubbo } from '@sofamesh/protocols/dubbo/dubbo';
import { protocol as http1 } from '@sofamesh/protocols/http1/http1';
import { compose as composeJsonToRpc } from '@sofamesh/protocols/json-to-rpc/json-to-rpc';
import { compose as composeRpcToJson } from '@sofamesh/protocols/rpc-to-json/rpc-to-json';
import { readMapping } from '@sofamesh/protocols/shared/conversion/mapping';
import { formOf } from '@sofamesh/protocols/shared/conversion/native-codecs';
import { HessianList, HessianMap, HessianObject, type HessianValue } from '@sofamesh/protocols/shared/hessian2/value';
import type { FuzzTarget } from '../target.ts';
import { clientTarget } from './codecs.ts';

const protocols = new Map<string, Protocol>([bolt, dubbo, http1].map((each) => [each.name, each]));
const toCalls = composeJsonToRpc(protocols)!;
const toRequests = composeRpcToJson(protocols)!;

const rules = [
  {
    http: { method: 'GET', path: '/users/{id}' },
    call: {
      interface: 'com.x.Users',
      method: 'user',
      parameters: [{ name: 'id', from: 'path', type: 'java.lang.String' }],
      returns: 'com.x.User',
    },
    errors: [{ exception: 'com.x.Gone', status: 410 }],
  },
];
const mappingOf = (use: 'json-to-rpc' | 'rpc-to-json') =>
  readMapping({ bodyBytesMax: 1000, types: { 'com.x.User': { id: 'long', born: 'java.util.Date' } }, rules }, 'm', use);
const forCalls = mappingOf('json-to-rpc');
const forRequests = mappingOf('rpc-to-json');

/** Where a frame has its id, and in how many bytes. */
const ids = { bolt: { at: 5, size: 4 }, dubbo: { at: 8, size: 4 } } as const;

function callFrame(protocol: 'bolt' | 'dubbo', id: number): Buffer {
  const { call } = forCalls.rules[0]!;
  const frame = formOf(protocol)!.encodeCall({ rule: call, args: ['7'], timeoutMs: 1000, headers: [] });
  const { at, size } = ids[protocol];
  const own = Buffer.from(frame);
  own.writeUIntBE(id, at, size);
  return own;
}

const values: readonly HessianValue[] = [
  new HessianObject('com.x.User', ['id', 'name'], [7n, 'Zoë']),
  new HessianMap([['list', new HessianList([1, 2.5, null, true])]]),
  'text',
];
const gone = new HessianObject('com.x.Gone', ['detailMessage', 'stackTrace'], ['no such user', new HessianList([])]);

/** Replies of hosts, which become answers in JSON. */
function toCallsTarget(protocol: 'bolt' | 'dubbo'): FuzzTarget {
  const form = formOf(protocol)!;
  const samples = {
    protocol: toCalls,
    settings: { protocol, mapping: forCalls },
    callers: http1,
    tokens: ['C', 'O', 'Z', 'N', '\x51\x90', '\x4d\x00', '\xff\xff\xff\xff', 'com.x.Gone', 'class'],
  };
  const requests = ['/users/1', '/users/2', '/users/x'].map((path) =>
    Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`),
  );
  return clientTarget(`json-to-${protocol}-client`, samples, requests, () => [
    ...values.map((value) => form.encodeValue(callFrame(protocol, 1), value)),
    form.encodeException(callFrame(protocol, 2), gone),
    Buffer.concat([3, 1, 2].map((id) => form.encodeValue(callFrame(protocol, id), values[0]!))),
  ]);
}

/** Answers of hosts, which become replies. */
function toRequestsTarget(protocol: 'bolt' | 'dubbo'): FuzzTarget {
  const samples = {
    protocol: toRequests,
    settings: { protocol: 'http1', mapping: forRequests },
    callers: protocols.get(protocol)!,
    tokens: [
      'content-length: 5\r\n',
      '{"id":',
      '"born":"2026-01-01T00:00:00Z"',
      '[[[[',
      '1e999',
      '\\ud800',
      '__proto__',
    ],
  };
  const answer = (status: number, body: string) =>
    Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  return clientTarget(`${protocol}-to-json-client`, samples, [callFrame(protocol, 1)], () => [
    answer(200, '{"id":"9007199254740993","born":"2026-01-01T00:00:00Z","more":[1,{"class":"com.x.User"}]}'),
    answer(410, '{"message":"no such user"}'),
    answer(204, ''),
    Buffer.from('HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n'),
  ]);
}

export const conversionTargets: readonly FuzzTarget[] = (['bolt', 'dubbo'] as const).flatMap((protocol) => [
  toCallsTarget(protocol),
  toRequestsTarget(protocol),
]);
