import { protocol } from '@sofamesh/protocols/http1/http1';
import { exchanges, plainResponse } from '@sofamesh/protocols/http1/sample-messages.test';
import { refused } from '@sofamesh/protocols/http1/sample-refusals.test';
import type { FuzzTarget } from '../target.ts';
import { type CodecSamples, clientTarget, serverTarget } from './codecs.ts';

const samples: CodecSamples = {
  protocol,
  settings: { acceptHttp10: true },
  tokens: [
    ...[
      '\r\n',
      '\n',
      '\r\n\r\n',
      ' ',
      ':',
      '0\r\n\r\n',
      '5\r\nhello\r\n',
      'HTTP/1.1',
      'HTTP/1.0',
      'HTTP/1.1 100 Continue\r\n\r\n',
    ],
    ...[
      '\r\nContent-Length: 5',
      '\r\nTransfer-Encoding: chunked',
      '\r\nConnection: close',
      '\r\nConnection: keep-alive, x',
    ],
    ...[
      '\r\nUpgrade: websocket\r\nConnection: upgrade',
      '\r\nExpect: 100-continue',
      '\r\nHost: b',
      'CONNECT a:443 HTTP/1.1',
    ],
    ...['HEAD ', 'OPTIONS * HTTP/1.1', 'http://a/', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 304 \r\n'],
  ],
};
const requests = exchanges.map(({ request }) => request(1));
const refusedBy = (side: 'server' | 'client') =>
  refused.filter((each) => each.side === side).map(({ bytes }) => bytes(1));

export const http1Targets: readonly FuzzTarget[] = [
  serverTarget('http1-server', samples, () => [...requests, ...refusedBy('server')].map((bytes) => Buffer.from(bytes))),
  clientTarget('http1-client', samples, requests, () => [
    ...exchanges.map(({ response }) => response(1)),
    ...refusedBy('client'),
    Buffer.concat([plainResponse, plainResponse]),
  ]),
];
