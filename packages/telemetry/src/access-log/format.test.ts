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
  traceId: '463ac35c9f6413ad48485a3953bb6124',
  filterState: { 'a.key': '{"b":1}' },
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
    ['%TRACE_ID% %SPAN_ID%', '463ac35c9f6413ad48485a3953bb6124 -'],
    ['%REQ(X-LONG):3%', 'aaa'],
    ['%FILTER_STATE(a.key)% %FILTER_STATE(a.key:TYPED):4%', '{"b":1} {"b"'],
    ['%FILTER_STATE(a.key:PLAIN)% %FILTER_STATE(other)%', '- -'],
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

  test('what is the same from line to line is kept only as long as it is', () => {
    const line = compileFormat(
      '%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %BYTES_SENT% [%UPSTREAM_HOST%|%ROUTE_NAME%]',
      'test',
    );
    const of = (path: string, status: number, bytesSent: number, upstreamHost: string) =>
      line({ ...record, request: { ...record.request!, path }, status, bytesSent, upstreamHost } as LogRecord);
    const expected: [string, number, number, string, string][] = [
      ['/a', 200, 1, 'h:1', 'GET /a 200 1 [h:1|r]'],
      ['/a', 200, 2, 'h:1', 'GET /a 200 2 [h:1|r]'],
      ['/a', 200, 3, 'h:1', 'GET /a 200 3 [h:1|r]'],
      ['/a', 500, 3, '', 'GET /a 500 3 [-|r]'],
      ['/b', 500, 3, 'h:2', 'GET /b 500 3 [h:2|r]'],
      ['/a', 200, 3, 'h:1', 'GET /a 200 3 [h:1|r]'],
    ];
    for (const [path, status, bytes, host, text] of expected) assert.equal(of(path, status, bytes, host), text);
    const empty = compileFormat('%UPSTREAM_HOST%%ROUTE_NAME%', 'test', '');
    assert.equal(empty({ ...record, upstreamHost: '', routeName: '' }), '');
    assert.equal(empty({ ...record, upstreamHost: '', routeName: '' }), '');
    assert.equal(empty({ ...record, upstreamHost: 'h', routeName: '' }), 'h');
  });

  test('the first of two times within a millisecond is that of the second', () => {
    const at = (startWallMs: number) => compileFormat('%START_TIME%', 'test')({ ...record, startWallMs });
    const ms = Date.UTC(2026, 10, 24, 15, 48, 2, 7);
    assert.deepEqual(
      [at(ms), at(ms + 0.9), at(ms + 1), at(ms - 8), at(ms)].map((text) => text.slice(17)),
      ['02.007Z', '02.007Z', '02.008Z', '01.999Z', '02.007Z'],
    );
  });

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

describe('what an answer says at its end', () => {
  const answered = {
    ...record,
    clientAddress: ipAddress('203.0.113.9', 0),
    grpcStatus: 4,
    responseTrailers: { get: (name: string) => (name === 'sum' ? '5' : undefined) },
    localReplyBody: 'no "luck"',
  } as LogRecord;
  const say = (format: string, of = answered) => compileFormat(format, 'test')(of);

  test('gRPC status, trailers, text', () => {
    assert.equal(say('%GRPC_STATUS% %GRPC_STATUS_NUMBER% %GRPC_STATUS(NUMBER)%'), 'DeadlineExceeded 4 4');
    assert.equal(say('%GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(CAMEL_STRING)%'), 'DEADLINE_EXCEEDED DeadlineExceeded');
    assert.equal(say('%GRPC_STATUS(SNAKE_STRING)%', { ...answered, grpcStatus: 0 }), 'OK');
    assert.equal(say('%GRPC_STATUS%', { ...answered, grpcStatus: 99 }), '99');
    assert.equal(say('%TRAILER(SUM)% %TRAILER(NO?SUM)% %TRAILER(NO)%'), '5 5 -');
    assert.equal(say('%LOCAL_REPLY_BODY%'), 'no "luck"');
    assert.equal(say('%GRPC_STATUS% %GRPC_STATUS_NUMBER% %TRAILER(X)%|%LOCAL_REPLY_BODY%|', record), '- - -||');
    assert.equal(compileJsonFormat({ s: '%GRPC_STATUS_NUMBER%' }, 'test')(answered), '{"s":4}\n');
    assert.throws(() => say('%GRPC_STATUS(LOUD)%'), /GRPC_STATUS\(LOUD\)/);
  });

  test('why the line is written', () => {
    assert.equal(say('%ACCESS_LOG_TYPE%'), 'DownstreamEnd');
    assert.equal(say('%ACCESS_LOG_TYPE%', { ...answered, request: undefined }), 'TcpConnectionEnd');
    assert.equal(say('%ACCESS_LOG_TYPE%', { ...answered, request: undefined, type: 'TcpPeriodic' }), 'TcpPeriodic');
  });

  test('the client is whom trusted proxies name, the peer stays the peer', () => {
    assert.equal(
      say('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%'),
      '203.0.113.9 ::1',
    );
    assert.equal(say('%DOWNSTREAM_DIRECT_REMOTE_PORT%'), '4711');
  });

  test('certificates', () => {
    const facts = (subject: string) => ({
      subject,
      issuer: 'CN=ca',
      serialHex: '0a',
      sha256Hex: 'ff',
      sha1Hex: 'ee',
      subjectAltNames: ['URI:spiffe://x', 'DNS:a', 'IP:10.0.0.1', 'EMAIL:a@b', 'URI:spiffe://y'],
      validFromMs: 0,
      validToMs: Date.UTC(2026, 0, 2),
      pem: () => 'a b',
      chainPem: () => 'no certificate',
    });
    const tls = {
      peerSubjectAltNames: facts('').subjectAltNames,
      peerCertificate: facts('CN=c'),
      localCertificate: facts('CN=s'),
      cipher: 'C',
    };
    const secured = { ...answered, downstream: { ...answered.downstream, tls } } as unknown as LogRecord;
    const peer = '%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_ISSUER% %DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_PEER_CERT%';
    assert.equal(say(peer, secured), 'CN=c CN=ca 0a a%20b');
    assert.equal(say('%DOWNSTREAM_PEER_FINGERPRINT_256% %DOWNSTREAM_PEER_FINGERPRINT_1%', secured), 'ff ee');
    const ours =
      '%DOWNSTREAM_LOCAL_SUBJECT% %DOWNSTREAM_LOCAL_URI_SAN% %DOWNSTREAM_LOCAL_DNS_SAN% %DOWNSTREAM_TLS_CIPHER%';
    assert.equal(say(ours, secured), 'CN=s spiffe://x,spiffe://y a C');
    const names = '%DOWNSTREAM_PEER_IP_SAN% %DOWNSTREAM_PEER_EMAIL_SAN% %DOWNSTREAM_PEER_OTHERNAME_SAN%';
    assert.equal(say(names, secured), '10.0.0.1 a@b -');
    const validity = '%DOWNSTREAM_PEER_CERT_V_START% %DOWNSTREAM_PEER_CERT_V_END(%F)%';
    assert.equal(say(validity, secured), '1970-01-01T00:00:00.000Z 2026-01-02');
    assert.equal(say('%DOWNSTREAM_PEER_CHAIN_SERIALS% %TLS_JA3_FINGERPRINT%', secured), '- -');
    assert.equal(say(peer), '- - - -');
    assert.equal(say(validity), '- -');
  });

  test('what is not there may be nothing', () => {
    assert.equal(compileFormat('a%REQ(x-none)%b', 'test', '')(record), 'ab');
    const json = {
      gone: '%REQ(x-none)%',
      text: 'a%REQ(x-none)%',
      inner: { gone: '%REQ(x-none)%' },
      status: '%RESPONSE_CODE%',
    };
    assert.equal(compileJsonFormat(json, 'test', true)(record), '{"text":"a","inner":{},"status":503}\n');
    assert.equal(
      compileJsonFormat(json, 'test')(record),
      '{"gone":null,"text":"a-","inner":{"gone":null},"status":503}\n',
    );
  });
});
