import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { Protocol } from '@sofamesh/contract/protocol';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { Findings } from './listener-filter.ts';
import { ProtocolInspector } from './protocol-inspector.ts';

/** Recognises connections that begin with the text. */
function beginsWith(name: string, text: string, what: Partial<Protocol> = {}): Protocol {
  const detect: Protocol['detect'] = (prefix) => {
    const seen = prefix.toString('latin1', 0, text.length);
    if (seen === text) return 'match';
    return text.startsWith(seen) ? 'more' : 'mismatch';
  };
  return { name, pooling: 'exclusive', detect, ...what } as Partial<Protocol> as Protocol;
}

const protocols = new Map(
  [
    beginsWith('http1', 'GET ', { httpVersion: 1 }),
    beginsWith('http2', 'PRI', { httpVersion: 2 }),
    beginsWith('rpc-http2', 'PRI', { httpVersion: 2, carrier: true }),
    beginsWith('bolt', '\u0001\u0001'),
    beginsWith('general', '\u0001'),
    beginsWith('special', '\u0001\u0002\u0003'),
    beginsWith('late', '~'.repeat(1500)),
  ].map((protocol) => [protocol.name, protocol]),
);

const connection = { local: ipAddress('10.0.0.1', 80), remote: ipAddress('10.0.0.2', 4000) };

/** What is found when the bytes come in these pieces. */
function find(names: readonly string[], ...pieces: readonly string[]) {
  const stats = new MemoryStats();
  const inspector = new ProtocolInspector(names, protocols, stats);
  const findings = new Findings(connection);
  let received = Buffer.alloc(0);
  let answer = inspector.look(received, findings);
  for (const piece of pieces) {
    if (answer !== 'more') break;
    received = Buffer.concat([received, Buffer.from(piece, 'latin1')]);
    answer = inspector.look(received, findings);
  }
  return { answer, found: findings.applicationProtocols };
}

describe('protocol inspector', () => {
  test('names what it finds, HTTP as Envoy does', () => {
    assert.deepEqual(find([], 'GET / HTTP/1.1'), { answer: 0, found: ['http/1.1'] });
    assert.deepEqual(find([], 'PRI * HTTP/2.0'), { answer: 0, found: ['h2c'] });
    assert.deepEqual(find([], '\u0001\u0001rest'), { answer: 0, found: ['bolt'] });
    assert.deepEqual(find([], 'PUT /'), { answer: 0, found: [] });
  });

  test('says the same however the bytes arrive', () => {
    for (const order of [['special', 'general'], ['general', 'special'], ['bolt', 'special', 'general'], []]) {
      for (const text of ['\u0001\u0002\u0003x', '\u0001\u0002x', '\u0001\u0001', 'GET /', 'PRIx', 'nothing']) {
        const whole = find(order, text);
        for (let at = 1; at < text.length; at++) {
          assert.deepEqual(find(order, text.slice(0, at), text.slice(at)), whole, `${order} ${JSON.stringify(text)}`);
        }
        assert.deepEqual(find(order, ...text), whole);
      }
    }
    assert.deepEqual(find(['special', 'general'], '\u0001', '\u0002', '\u0003').found, ['special']);
    assert.deepEqual(find(['special', 'general'], '\u0001', '\u0002', 'x').found, ['general']);
  });

  test('looks at so many bytes and no more, however they arrive', () => {
    const text = '~'.repeat(1600);
    for (const pieces of [[text], [text.slice(0, 1023), text.slice(1023)], [text.slice(0, 1024), text.slice(1024)]]) {
      assert.deepEqual(find([], ...pieces), { answer: 0, found: [] });
    }
    assert.deepEqual(find([], text.slice(0, 1023)), { answer: 'more', found: [] });
  });

  test('waits for a first byte, and looks for the named ones only', () => {
    assert.deepEqual(find([]), { answer: 'more', found: [] });
    assert.deepEqual(find(['bolt'], 'GET /'), { answer: 0, found: [] });
    assert.throws(() => find(['nosuch']), /protocols: nosuch: no such protocol/);
  });

  test('leaves TLS alone', () => {
    const inspector = new ProtocolInspector([], protocols, new MemoryStats());
    const findings = new Findings(connection);
    findings.transportProtocol = 'tls';
    findings.applicationProtocols = ['h2'];
    assert.equal(inspector.look(Buffer.from('GET /'), findings), 0);
    assert.deepEqual(findings.applicationProtocols, ['h2']);
  });
});
