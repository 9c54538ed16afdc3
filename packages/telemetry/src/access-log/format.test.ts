import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { ResponseFlag } from '@sofamesh/contract/message';
import { compileFormat, compileJsonFormat, defaultTextFormat } from './format.ts';

const requestHeaders: Record<string, string> = {
  'user-agent': 'curl "8"',
  'x-request-id': 'id-1',
  'x-long': 'a'.repeat(50),
};

const record = {
  startWallMs: Date.UTC(2026, 10, 24, 15, 48, 2, 7),
  durationMs: 12.9,
  request: {
    protocol: 'HTTP/1.1',
    method: 'GET',
    path: '/a?b=1',
    authority: 'shop:80',
    scheme: 'http',
    get: (name: string) => requestHeaders[name],
  },
  response: { get: (name: string) => (name === 'server' ? 'mosn' : undefined) },
  status: 503,
  flags: ResponseFlag.upstreamConnectionFailure | ResponseFlag.upstreamRetryLimitExceeded,
  details: 'upstream_reset',
  routeName: 'r',
  virtualHost: 'v',
  bytesReceived: 1,
  bytesSent: 2,
  upstreamServiceMs: 3.7,
  upstreamCluster: 'c',
  upstreamHost: '10.0.0.1:80',
  upstreamLocal: '',
  upstreamFailure: '',
  attempts: 2,
  downstream: { id: 9, local: ipAddress('10.0.0.2', 15001), remote: ipAddress('::1', 4711), tls: undefined },
} as unknown as LogRecord;

const text = (format: string) => compileFormat(format, 'test')(record);

describe('access log formats', () => {
  test("Envoy's default format", () => {
    assert.equal(
      text(defaultTextFormat),
      '[2026-11-24T15:48:02.007Z] "GET /a?b=1 HTTP/1.1" 503 UF,URX 1 2 12 3 "-" "curl "8"" "id-1" "shop:80" "10.0.0.1:80"\n',
    );
  });

  const cases: readonly (readonly [string, string])[] = [
    ['%REQ(X-NONE?USER-AGENT)%', 'curl "8"'],
    ['%REQ(X-LONG):3%', 'aaa'],
    ['100%% %RESPONSE_FLAGS%', '100% UF,URX'],
    ['%RESP(SERVER)% %RESP(NOPE)%', 'mosn -'],
    ['%START_TIME(%Y/%m/%dT%H:%M:%S.%3f %s)%', '2026/11/24T15:48:02.007 1795535282'],
    ['%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '[::1]:4711 10.0.0.2'],
    ['%UPSTREAM_LOCAL_ADDRESS% %REQUESTED_SERVER_NAME%', '- -'],
    ['%ROUTE_NAME% %UPSTREAM_CLUSTER% %RESPONSE_CODE_DETAILS%', 'r c upstream_reset'],
    ['', ''],
  ];
  for (const [format, wanted] of cases) test(JSON.stringify(format), () => assert.equal(text(format), wanted));

  for (const format of ['%', '%REQ', '%NOPE%', '%REQ()%', '%REQ(:PATH%', '%START_TIME(%Q)%', '%req(a)%']) {
    test(`refuses ${format} and says where`, () => {
      assert.throws(() => compileFormat(format, 'access_log[0]'), {
        code: 'bad_format',
        message: /^access_log\[0\]: /,
      });
    });
  }

  test('JSON keeps types and escapes values', () => {
    const line = compileJsonFormat(
      {
        status: '%RESPONSE_CODE%',
        agent: '%REQ(USER-AGENT)%',
        none: '%REQ(NOPE)%',
        mixed: 'a-%RESPONSE_CODE%',
        nested: { list: ['%PROTOCOL%', 1, true] },
      },
      'json_format',
    )(record);
    assert.deepEqual(JSON.parse(line), {
      status: 503,
      agent: 'curl "8"',
      none: null,
      mixed: 'a-503',
      nested: { list: ['HTTP/1.1', 1, true] },
    });
    assert.ok(line.endsWith('}\n'));
  });
});
