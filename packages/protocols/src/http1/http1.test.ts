import { ResponseFlag } from '@sofamesh/contract/message';
import { protocolSuite } from '@sofamesh/testkit/protocol-suite/index';
import { protocol } from './http1.ts';
import { exchanges, message } from './sample-messages.test.ts';
import { refused } from './sample-refusals.test.ts';

protocolSuite(protocol, {
  messages: 'streamed',
  settings: { acceptHttp10: true, enableTrailers: true },
  exchanges,
  localReplies: [
    {
      reply: { status: 404, body: '', details: 'route_not_found', flags: ResponseFlag.noRouteFound },
      expectResponse: { status: 404, body: Buffer.alloc(0), headers: { 'content-length': '0' } },
    },
    {
      reply: {
        status: 503,
        body: 'größer',
        details: 'overflow',
        flags: ResponseFlag.upstreamOverflow,
        headers: [
          ['Retry-After', '1'],
          ['content-length', '99'],
          ['transfer-encoding', 'chunked'],
          ['x-split', 'a\r\nx-injected: 1'],
        ],
      },
      expectResponse: {
        status: 503,
        body: Buffer.from('größer'),
        headers: { 'retry-after': '1', 'content-length': '8', 'content-type': 'text/plain' },
        absent: ['x-split', 'x-injected', 'transfer-encoding'],
      },
    },
    {
      reply: { status: 204, body: 'never seen', details: 'direct_response', flags: 0 },
      expectResponse: { status: 204, body: Buffer.alloc(0), absent: ['content-length'] },
    },
    {
      reply: { status: 301, body: '', details: 'direct_response', flags: 0, headers: [['location', 'https://a/']] },
      expectResponse: { status: 301, headers: { location: 'https://a/' } },
    },
  ],
  refused,
  notMine: [
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from('010100', 'hex'),
    Buffer.from('dabbc2', 'hex'),
    Buffer.from('160301', 'hex'),
    Buffer.from('get / HTTP/1.1'),
    Buffer.from('LIST / RTSP/1.0'),
    message(' / HTTP/1.1'),
    Buffer.from('A'.repeat(30)),
  ],
});
