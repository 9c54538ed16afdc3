import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAddress, ipAddress } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import fc from 'fast-check';
import type { ListenerConfig, ListenerFilterConfig, ProxyProtocolFilterConfig } from '../config/listener.ts';
import { writeProxyHeader } from '../proxy-protocol/write-header.ts';
import { anyMatch, chain, listenerConfig } from '../test-support/configs.ts';
import { ConnectionInspector } from './connection-inspector.ts';
import { httpVersion } from './http-inspector.ts';
import { InspectedConnection } from './inspected-connection.ts';
import type { Findings } from './listener-filter.ts';
import { planInspection } from './listener-filters.ts';
import { clientHello } from './test-support/client-hello.ts';

const tlsInspector: ListenerFilterConfig = { kind: 'tls-inspector', disabled: undefined };
const httpInspector: ListenerFilterConfig = { kind: 'http-inspector', disabled: undefined };
const originalDst: ListenerFilterConfig = { kind: 'original-dst', disabled: undefined };

function proxyProtocol(more: Partial<ProxyProtocolFilterConfig> = {}): ListenerFilterConfig {
  return {
    kind: 'proxy-protocol',
    versions: [1, 2],
    allowWithout: false,
    rules: [],
    passTlvs: [],
    statPrefix: '',
    disabled: undefined,
    ...more,
  };
}

/** The filters of a listener whose chains ask for everything, and one connection to it. */
class Inspection {
  readonly stats = new MemoryStats();
  readonly told: string[] = [];
  readonly connection: Connection;
  findings: Findings | undefined = undefined;
  rest: Buffer = Buffer.alloc(0);
  asked: ReturnType<NonNullable<Connection['originalDestination']>> = undefined;
  readonly inspector: ConnectionInspector;

  constructor(filters: readonly ListenerFilterConfig[], more: Partial<ListenerConfig> = {}) {
    const asks = chain({ kind: 'tcp' } as never, { match: { ...anyMatch, applicationProtocols: ['x'] } });
    const config = listenerConfig([asks], { listenerFilters: filters, ...more });
    // What a configuration without a TLS inspector gets by itself is not looked at here.
    const plan = planInspection(config, this.stats, new Map(), false)!;
    const own = { ...plan, filters: plan.filters.slice(0, filters.length) };
    this.connection = {
      local: ipAddress('10.0.0.1', 80),
      remote: ipAddress('10.9.9.9', 4000),
      setHandler: (_handler: ConnectionHandler) => {},
      close: (how: string) => this.told.push(`close ${how}`),
      originalDestination: () => this.asked,
    } as unknown as Connection;
    this.inspector = new ConnectionInspector(this.connection, own, {
      inspected: (findings, rest) => {
        this.told.push('inspected');
        this.findings = findings;
        this.rest = rest;
      },
      gone: () => this.told.push('gone'),
      timedOut: () => this.told.push('timed out'),
      ended: () => this.told.push('ended'),
      refused: () => this.told.push('refused'),
    });
  }

  /** What comes after the filters have decided is collected, too. */
  send(...chunks: readonly Buffer[]): this {
    this.inspector.start(Buffer.alloc(0));
    for (const chunk of chunks) {
      if (this.findings === undefined && !this.told.includes('refused')) this.inspector.onBytes(Buffer.from(chunk));
      else if (this.findings !== undefined) this.rest = Buffer.concat([this.rest, chunk]);
    }
    return this;
  }

  get outcome(): object {
    const { findings, told, rest } = this;
    return {
      told,
      findings: findings && { ...findings },
      rest: rest.toString('latin1'),
      counted: this.stats.nonZero(''),
    };
  }
}

/** Pieces that are together `bytes`. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const v2 = (type: number, body: Buffer, command = 0x21) => {
  const head = Buffer.from([command, type, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), head, body]);
};
const addresses4 = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 0x0f, 0xa0, 0, 80]);
const source = ipAddress('192.0.2.1', 4000);
const destination = ipAddress('192.0.2.2', 80);

describe('PROXY protocol', () => {
  test('both versions give the addresses, and what follows is passed on', () => {
    const v6 = [ipAddress('2001:db8::1', 4000), ipAddress('fd00::1:0:0:2', 65_535)] as const;
    for (const version of [1, 2] as const) {
      for (const [from, to] of [[source, destination], v6] as const) {
        const header = writeProxyHeader(version, from, to);
        const one = new Inspection([proxyProtocol()]).send(Buffer.concat([header, Buffer.from('hello')]));
        assert.deepEqual(one.told, ['inspected']);
        assert.deepEqual([one.findings!.remote, one.findings!.local], [from, to]);
        assert.equal(one.findings!.localRestored, true);
        assert.equal(one.rest.toString(), 'hello');
        assert.equal(one.stats.get(`proxy_proto.versions.v${version}.found`), 1);
        const whole = new InspectedConnection(one.connection, one.findings!);
        assert.equal(formatAddress(whole.directRemote!), '10.9.9.9:4000');
        assert.equal(whole.proxyHeader!.version, version);
      }
    }
  });

  test('a proxy that speaks for itself, or of nothing known, leaves the addresses alone', () => {
    const local = v2(0x11, Buffer.from('anything at all'), 0x20);
    const headers = [
      Buffer.from('PROXY UNKNOWN ff::1 x\r\n'),
      Buffer.from('PROXY UNKNOWN\r\n'),
      local,
      v2(0, addresses4),
    ];
    for (const header of headers) {
      const one = new Inspection([proxyProtocol()]).send(Buffer.concat([header, Buffer.from('!')]));
      assert.equal(formatAddress(one.findings!.remote), '10.9.9.9:4000');
      assert.equal(one.findings!.localRestored, false);
      assert.equal(one.rest.toString(), '!');
    }
  });

  test('extensions are kept under the keys of the rules, and those that may be passed on', () => {
    const tlvs = Buffer.from([2, 0, 3, 97, 46, 98, 0xea, 0, 1, 7, 2, 0, 1, 99, 5, 0, 0]);
    const filter = proxyProtocol({
      rules: [
        { tlvType: 2, namespace: 'n', key: 'authority' },
        { tlvType: 9, namespace: 'n', key: 'absent' },
      ],
      passTlvs: [0xea, 5],
    });
    const { proxyHeader } = new Inspection([filter]).send(v2(0x11, Buffer.concat([addresses4, tlvs]))).findings!;
    assert.deepEqual(proxyHeader!.metadata, { n: { authority: 'c' } });
    assert.deepEqual(proxyHeader!.tlvs, [
      { type: 0xea, value: Buffer.from([7]) },
      { type: 5, value: Buffer.alloc(0) },
    ]);
    const all = writeProxyHeader(2, source, destination, proxyHeader!.tlvs);
    assert.equal(new Inspection([proxyProtocol({ passTlvs: 'all' })]).send(all).findings!.proxyHeader!.tlvs.length, 2);
  });

  test('what is malformed is refused and counted', () => {
    const lines = [
      'PROXY TCP4 192.0.2.1 192.0.2.2 4000\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 4000 80 \r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 4000 65536\r\n',
      'PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n',
      'PROXY TCP4 192.0.2.256 192.0.2.2 1 80\r\n',
      'PROXY TCP4 ::1 ::2 1 80\r\n',
      'PROXY TCP6 192.0.2.1 192.0.2.2 1 80\r\n',
      'PROXY UDP4 192.0.2.1 192.0.2.2 1 80\r\n',
      'PROXY \r\n',
      `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    ];
    const binary = [
      v2(0x11, addresses4.subarray(1)),
      v2(0x31, Buffer.alloc(216)),
      v2(0x13, addresses4),
      v2(0x21, addresses4),
      v2(0x11, addresses4, 0x31),
      v2(0x11, addresses4, 0x22),
      v2(0x11, Buffer.concat([addresses4, Buffer.from([1, 0])])),
      v2(0x11, Buffer.concat([addresses4, Buffer.from([1, 0, 2, 0])])),
    ];
    for (const bytes of [...lines.map((line) => Buffer.from(line)), ...binary]) {
      const one = new Inspection([proxyProtocol({ statPrefix: 'p' })]).send(bytes);
      assert.deepEqual(one.told, ['refused', 'close now'], bytes.toString('latin1'));
      const version = bytes[0] === 13 ? 2 : 1;
      assert.equal(one.stats.get(`proxy_proto.p.versions.v${version}.error`), 1);
      assert.equal(one.stats.get('downstream_cx_proxy_proto_error'), 1);
    }
  });

  test('without a header: refused, or let in where that is allowed', () => {
    for (const bytes of ['GET / HTTP/1.1\r\n', 'PROXX', '\r\n\r\nx', 'P\0']) {
      const strict = new Inspection([proxyProtocol()]).send(Buffer.from(bytes));
      assert.deepEqual(strict.told, ['refused', 'close now']);
      assert.equal(strict.stats.get('proxy_proto.not_found_disallowed'), 1);
      const lenient = new Inspection([proxyProtocol({ allowWithout: true })]).send(Buffer.from(bytes));
      assert.deepEqual([lenient.told, lenient.rest.toString()], [['inspected'], bytes]);
      assert.equal(lenient.stats.get('proxy_proto.not_found_allowed'), 1);
    }
  });

  test('a version that is not allowed: refused, or not looked for where the header may be absent', () => {
    const header = writeProxyHeader(2, source, destination);
    const strict = new Inspection([proxyProtocol({ versions: [1] })]).send(header);
    assert.deepEqual(strict.told, ['refused', 'close now']);
    assert.equal(strict.stats.get('proxy_proto.versions.v2.disallowed'), 1);
    const lenient = new Inspection([proxyProtocol({ versions: [1], allowWithout: true })]).send(header);
    assert.deepEqual([lenient.told, lenient.rest], [['inspected'], header]);
  });

  test('the longest header that there can be, one byte after the other', () => {
    const longest = v2(0x11, Buffer.concat([addresses4, Buffer.from([4, 0xff, 0xf0]), Buffer.alloc(0xfff0)]));
    const one = new Inspection([proxyProtocol()]).send(
      ...split(
        longest,
        Array.from({ length: 65_552 }, (_, at) => at),
      ),
    );
    assert.deepEqual([one.told, one.rest.length], [['inspected'], 0]);
  });
});

describe('the HTTP inspector', () => {
  test('knows versions by their first octets', () => {
    for (const [text, version] of [
      ['GET / HTTP/1.1\r\n', 'http/1.1'],
      ['\r\nPURGE-ALL http://a/b?c HTTP/1.0\n', 'http/1.0'],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'h2c'],
      ['PRI / HTTP/1.1\r\n', 'http/1.1'],
      ['PRI * HTTP/2.0\r\n\r\nXX', 'none'],
      ['GET / HTTP/2.0\r\n', 'none'],
      ['GET  / HTTP/1.1\r\n', 'none'],
      ['GET / HTTP/1.1 x', 'none'],
      ['\x16\x03\x01', 'none'],
      [' GET', 'none'],
      ['GET /\x01', 'none'],
      [`${'A'.repeat(65)}`, 'none'],
      ['GET / HTTP/1.', 'more'],
      ['GET / HTTP/1.1', 'more'],
      ['', 'more'],
      ['PRI * H', 'more'],
    ] as const) {
      assert.equal(httpVersion(Buffer.from(text, 'latin1')), version, JSON.stringify(text));
    }
  });

  test('a request line that never ends is none', () => {
    const long = Buffer.from(`GET /${'a'.repeat(70_000)}`);
    const one = new Inspection([httpInspector]).send(...split(long, [10, 1000, 30_000, 65_000, 65_600]));
    assert.deepEqual(one.told, ['inspected']);
    assert.equal(one.stats.get('http_inspector.http_not_found'), 1);
    assert.equal(one.rest.length, long.length);
  });
});

describe('filters in their order', () => {
  test('each sees what those before it have left', () => {
    const header = writeProxyHeader(1, source, destination);
    const hello = clientHello('shop', ['h2']);
    const one = new Inspection([proxyProtocol(), tlsInspector, httpInspector]).send(Buffer.concat([header, hello]));
    assert.equal(one.findings!.transportProtocol, 'tls');
    assert.equal(one.findings!.serverName, 'shop');
    assert.deepEqual(one.findings!.applicationProtocols, ['h2']);
    assert.deepEqual(one.rest, hello);
    assert.deepEqual(one.stats.nonZero('tls_inspector.'), { tls_found: 1, sni_found: 1, alpn_found: 1 });
    const plain = new Inspection([proxyProtocol(), tlsInspector, httpInspector]).send(
      Buffer.concat([header, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')]),
    );
    assert.deepEqual(plain.findings!.applicationProtocols, ['h2c']);
    assert.deepEqual(plain.stats.nonZero('http_inspector.'), { http2_found: 1 });
  });

  test('a filter leaves the ports alone that it is told to, as the filters before it have found them', () => {
    const disabled = { kind: 'not', rule: { kind: 'range', from: 3306, to: 3307 } } as const;
    const filters = [originalDst, { ...tlsInspector, disabled }];
    const waits = new Inspection(filters);
    waits.asked = ipAddress('10.1.1.1', 3306);
    assert.deepEqual(waits.send().told, []);
    const passes = new Inspection(filters);
    passes.asked = ipAddress('10.1.1.1', 3307);
    assert.deepEqual(passes.send().told, ['inspected']);
    assert.deepEqual([passes.findings!.local, passes.findings!.localRestored], [passes.asked, true]);
    const direct = new Inspection([originalDst]).send();
    assert.deepEqual([direct.told, direct.findings!.localRestored], [['inspected'], false]);
  });

  test('a transparent socket has the address that was asked for, unless it is its own', () => {
    const diverted = new Inspection([originalDst], { transparent: true }).send();
    assert.equal(diverted.findings!.localRestored, true);
    const direct = new Inspection([originalDst], { transparent: true, address: ipAddress('0.0.0.0', 80) }).send();
    assert.equal(direct.findings!.localRestored, false);
  });

  test('a hello that is too large is refused', () => {
    const claim = Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 1]);
    const one = new Inspection([tlsInspector]).send(claim);
    assert.deepEqual(one.told, ['refused', 'close now']);
    const tiny = Buffer.concat([
      Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x40, 0]),
      ...Array(20_000).fill(Buffer.from([22, 3, 1, 0, 0])),
    ]);
    const two = new Inspection([tlsInspector]).send(...split(tiny, [5, 9, 50, 5000, 17_000]));
    assert.deepEqual(two.told, ['refused', 'close now']);
    assert.equal(two.stats.get('tls_inspector.client_hello_too_large'), 1);
  });

  test('the verdict does not depend on how the bytes arrive', () => {
    const filters = [proxyProtocol({ allowWithout: true, passTlvs: 'all' }), tlsInspector, httpInspector];
    const pieces = fc.constantFrom(
      writeProxyHeader(1, source, destination),
      writeProxyHeader(2, source, destination, [{ type: 1, value: Buffer.from('ab') }]),
      v2(0x11, addresses4.subarray(2)),
      Buffer.from('PROXY TCP4 1.1.1.1 x\r\n'),
      clientHello('a.b', ['h2', 'http/1.1'], 9),
      Buffer.from('GET /x HTTP/1.1\r\n\r\n'),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from([22, 3, 1, 0, 3, 1, 0xff]),
    );
    const noise = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const stream = fc.array(fc.oneof(pieces, noise), { maxLength: 4 }).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400), { maxLength: 12 }), (bytes, cuts) => {
        const whole = new Inspection(filters).send(bytes);
        const parts = new Inspection(filters).send(...split(bytes, cuts));
        assert.deepEqual(parts.outcome, whole.outcome);
      }),
    );
  });

  test('bytes that were changed make nothing throw', () => {
    const filters = [proxyProtocol(), tlsInspector, httpInspector];
    const tlvs = [{ type: 1, value: Buffer.from('ab') }];
    const good = Buffer.concat([writeProxyHeader(2, source, destination, tlvs), clientHello('a', ['h2'])]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, end) => {
        const changed = Buffer.from(good.subarray(0, end));
        if (at < end) changed[at] = value;
        new Inspection(filters).send(changed);
      }),
    );
  });
});
