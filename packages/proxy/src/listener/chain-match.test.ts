import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';
import fc from 'fast-check';
import type { FilterChainMatch } from '../config/listener.ts';
import { anyMatch } from '../test-support/configs.ts';
import { ChainMatcher, type Inspected } from './chain-match.ts';
import { addressBytes, IpPrefix } from './ip-prefix.ts';

interface Client {
  readonly local?: string;
  readonly port?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly directRemote?: string;
  readonly serverName?: string;
  readonly tls?: boolean;
  readonly alpn?: readonly string[];
}

function choose(matches: readonly Partial<FilterChainMatch>[], client: Client): number {
  const connection = {
    local: ipAddress(client.local ?? '10.0.0.1', client.port ?? 80),
    remote: ipAddress(client.remote ?? '10.9.9.9', client.remotePort ?? 4000),
    ...(client.directRemote !== undefined && { directRemote: ipAddress(client.directRemote, 1) }),
  } as Connection;
  const inspected: Inspected = {
    transportProtocol: client.tls ? 'tls' : 'raw_buffer',
    serverName: client.serverName ?? '',
    applicationProtocols: client.alpn ?? [],
  };
  return new ChainMatcher(matches.map((match) => ({ ...anyMatch, ...match }))).match(connection, inspected);
}

describe('the filter chain for a connection', () => {
  test('port before everything else', () => {
    const chains = [{ destinationPort: 80 }, { destinationPrefixes: ['10.0.0.1/32'] }];
    assert.equal(choose(chains, {}), 0);
    assert.equal(choose(chains, { port: 81 }), 1);
    assert.equal(choose(chains, { port: 81, local: '10.0.0.2' }), -1);
  });

  test('the longest prefix, and there is no way back from it', () => {
    const chains = [
      { destinationPrefixes: ['10.0.0.0/8'] },
      { destinationPrefixes: ['192.168.0.0/16', '10.0.0.0/24'], serverNames: ['a'] },
      {},
    ];
    assert.equal(choose(chains, { local: '10.1.0.1' }), 0);
    assert.equal(choose(chains, { local: '10.0.0.1', serverName: 'a' }), 1);
    assert.equal(choose(chains, { local: '10.0.0.1', serverName: 'b' }), -1);
    assert.equal(choose(chains, { local: '11.0.0.1' }), 2);
    assert.equal(choose([{ destinationPrefixes: ['0.0.0.0/0'] }, {}], {}), 0);
    assert.equal(choose([{ destinationPrefixes: ['::/0'] }, {}], {}), 1);
  });

  test('names: exact, then the longest wildcard', () => {
    const chains = [
      { serverNames: ['*.com'] },
      { serverNames: ['*.example.com'] },
      { serverNames: ['a.example.com', 'b'] },
    ];
    const found = ['a.example.com', 'c.example.com', 'x.com', 'b', 'com', ''].map((serverName) =>
      choose(chains, { serverName }),
    );
    assert.deepEqual(found, [2, 1, 0, 2, -1, -1]);
  });

  test('transport, application protocol and source', () => {
    const chains = [
      { transportProtocol: 'tls', applicationProtocols: ['istio'] },
      { transportProtocol: 'tls' },
      { transportProtocol: 'raw_buffer', sourcePrefixes: ['10.9.0.0/16'] },
      { transportProtocol: 'raw_buffer' },
    ] as const;
    assert.equal(choose(chains, { tls: true, alpn: ['h2', 'istio'] }), 0);
    assert.equal(choose(chains, { tls: true, alpn: ['h2'] }), 1);
    assert.equal(choose(chains, {}), 2);
    assert.equal(choose(chains, { remote: '10.8.0.1' }), 3);
  });

  test('the peer itself, then whether it is near, then who it speaks for, then its port', () => {
    const chains = [
      { directSourcePrefixes: ['10.8.0.0/16'], sourcePrefixes: ['10.9.0.0/16'] },
      { directSourcePrefixes: ['10.8.0.0/16'] },
      { sourceType: 'same-ip-or-loopback' },
      { sourceType: 'external', sourcePrefixes: ['10.7.0.0/16'], sourcePorts: [4000, 4001] },
      { sourceType: 'external', sourcePrefixes: ['10.7.0.0/16'] },
      {},
    ] as const;
    assert.equal(choose(chains, { directRemote: '10.8.1.1' }), 0);
    assert.equal(choose(chains, { directRemote: '10.8.1.1', remote: '1.1.1.1' }), 1);
    assert.equal(choose(chains, { remote: '10.8.1.1' }), 1);
    assert.equal(choose(chains, { remote: '10.0.0.1' }), 2);
    assert.equal(choose(chains, { remote: '127.3.2.1' }), 2);
    assert.equal(choose(chains, { local: '::1', remote: '::1' }), 2);
    assert.equal(choose(chains, { remote: '10.7.0.1' }), 3);
    assert.equal(choose(chains, { remote: '10.7.0.1', remotePort: 9 }), 4);
    // External fits better than no wish, and there is no way back.
    assert.equal(choose(chains, { remote: '10.6.0.1' }), -1);
  });

  test('chains overlap when both ask for something in common by every criterion', () => {
    const refused = /matches the same connections as filter_chains\[0\]/;
    assert.throws(() => choose([{ serverNames: ['a', 'b'] }, { serverNames: ['c', 'b'] }], {}), refused);
    assert.throws(
      () => choose([{ destinationPrefixes: ['10.1.0.0/8'] }, { destinationPrefixes: ['10.2.0.0/8', '::/0'] }], {}),
      refused,
    );
    choose([{ serverNames: ['a'] }, { serverNames: ['*.a'] }, { serverNames: ['a'], sourcePorts: [1] }], {});
    choose([{ destinationPrefixes: ['10.0.0.0/8'] }, { destinationPrefixes: ['10.0.0.0/9'] }, {}], {});
  });

  test('two chains for the same, and ranges that are none', () => {
    assert.throws(() => choose([{ destinationPort: 1 }, { destinationPort: 1 }], {}), {
      message: /^filter_chains\[1\]\.filter_chain_match: matches the same connections as filter_chains\[0\]$/,
    });
    assert.throws(() => choose([{ sourcePrefixes: ['10.0.0.0/33'] }], {}), {
      message: /filter_chains\[0\]\.filter_chain_match\.source_prefix_ranges: "10.0.0.0\/33"/,
    });
  });
});

describe('addresses', () => {
  test('in all their forms', () => {
    assert.deepEqual(addressBytes('::ffff:10.0.0.1'), [10, 0, 0, 1]);
    assert.equal(addressBytes('fe80::1%eth0')?.length, 16);
    assert.deepEqual(addressBytes('1:2:3:4:5:6:7:8'), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
    assert.deepEqual(addressBytes('::'), new Array(16).fill(0));
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.256',
      '1.2.3.4.5',
      ':::',
      '1::2::3',
      '12345::',
      '1:2:3:4:5:6:7',
      'x',
      '1:2:3:4:5:6:7:8::',
    ])
      assert.equal(addressBytes(text), undefined, text);
  });

  test('a prefix contains exactly the addresses that share its bits', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 0, max: 32 }), (own, other, length) => {
        const bits = (list: readonly number[]) => list.map((byte) => byte.toString(2).padStart(8, '0')).join('');
        const prefix = IpPrefix.parse(`${own.join('.')}/${length}`, '');
        const shares = bits(own).slice(0, length) === bits(other).slice(0, length);
        return prefix.contains(other) === shares && prefix.contains(own);
      }),
    );
    for (const text of ['1.2.3.4/', '1.2.3.4/x', '1.2.3.4/-1', 'a/8', '::/129']) {
      assert.throws(() => IpPrefix.parse(text, 'f'), { message: `f: "${text}": is not an address range` });
    }
  });
});
