import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import { protocol } from './bolt.ts';
import { dialectOf } from './dialect.ts';
import { boltFrame, callHeaders, requestClass } from './sample-frames.test.ts';

const javaOrder = ['targetAppName', 'methodName', 'targetServiceUniqueName', 'requestProps', 'methodArgSigs'];
const npmOrder = ['methodName', 'methodArgSigs', 'targetServiceUniqueName', 'targetAppName', 'requestProps'];

const text = (value: string) => Buffer.concat([Buffer.of(0x53, 0, value.length), Buffer.from(value)]);

function content(fields: readonly string[], values: string): Buffer {
  const className = Buffer.concat([Buffer.of(0x4f, 0x90 + requestClass.length), Buffer.from(requestClass)]);
  return Buffer.concat([
    className,
    Buffer.of(0x90 + fields.length),
    ...fields.map(text),
    Buffer.from('6f90', 'hex'),
    text(values),
  ]);
}

const dialect = (bytes: Buffer) => dialectOf(bytes, 0, bytes.length);

test('requests are told apart by the order of their fields alone', () => {
  const java = dialect(content(javaOrder, 'a'));
  assert.ok(java > 0);
  assert.equal(dialect(content(javaOrder, 'something else')), java);
  const npm = dialect(content(npmOrder, 'a'));
  assert.ok(npm > 0 && npm !== java);
  assert.equal(dialect(content(javaOrder, 'b')), java);
  const inside = Buffer.concat([Buffer.from('xx'), content(npmOrder, 'a')]);
  assert.equal(dialectOf(inside, 2, inside.length), npm);
});

test('a head has the dialect of its content, if that is hessian', () => {
  const of = (sample: object) => {
    const server = new ScriptedServer(protocol);
    server.codec.receive(boltFrame({ headers: callHeaders, ...sample }));
    return server.calls[0]!.head.dialect;
  };
  const npm = content(npmOrder, 'a');
  assert.equal(of({ content: npm }), dialect(npm));
  assert.equal(of({ content: npm, codec: 11 }), 0);
  assert.equal(of({ content: 'anything' }), 0);
  assert.equal(of({ content: '' }), 0);
});

test('whatever a client sends, dialects stay few', () => {
  const whole = content(javaOrder, 'a');
  const definition = whole.indexOf('6f90', 'hex');
  for (let end = 0; end < definition; end++) assert.equal(dialectOf(whole, 0, end), 0, `cut at ${end}`);
  assert.equal(dialect(content([...javaOrder, 'x'.repeat(255), 'y'.repeat(255)], 'a')), 0, 'too long to remember');
  const before = dialect(whole);
  const seen = new Set<number>();
  for (let n = 0; n < 100; n++) seen.add(dialect(content(['methodName', `field${n}`], 'a')));
  assert.ok(seen.has(0) && Math.max(...seen) <= 16, String([...seen]));
  assert.equal(dialect(whole), before, 'those that were known stay known');
});
