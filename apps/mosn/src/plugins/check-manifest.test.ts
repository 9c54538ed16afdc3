import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkManifest } from './check-manifest.ts';

const protocol = { name: 'mine', pooling: 'bound', detect() {}, createServerCodec() {}, createClientCodec() {} };
const filter = { name: 'my.filter', prepare() {} };
const balancer = { name: 'mine', create() {} };

describe('a manifest', () => {
  test('is taken as it is', () => {
    class Codec {
      name = 'of-a-class';
      pooling = 'exclusive';
      detect() {}
      createServerCodec() {}
      createClientCodec() {}
    }
    const given = { name: 'x', protocols: [protocol, new Codec()], filters: [filter], balancers: [balancer] };
    assert.deepEqual(checkManifest(given), given);
    assert.deepEqual(checkManifest({ name: 'x' }), { name: 'x', protocols: [], filters: [], balancers: [] });
  });

  for (const [given, reason] of [
    [undefined, /gives undefined in place of a manifest/],
    [[], /gives a list/],
    [{}, /has no name/],
    [{ name: 7 }, /has no name/],
    [{ name: 'x', protocol: [] }, /has protocol: only name, protocols, filters, balancers are known/],
    [{ name: 'x', protocols: protocol }, /its protocols are an object, not a list/],
    [{ name: 'x', protocols: [undefined] }, /its protocols\[0\] has undefined/],
    [{ name: 'x', protocols: [protocol, { ...protocol, name: 'a,b' }] }, /its protocols\[1\] has the name "a,b"/],
    [{ name: 'x', protocols: [{ ...protocol, pooling: 'many' }] }, /has pooling "many"/],
    [{ name: 'x', protocols: [{ ...protocol, detect: true }] }, /has no function detect/],
    [{ name: 'x', filters: [{ ...filter, prepare: undefined }] }, /its filters\[0\] has no function prepare/],
    [{ name: 'x', filters: [{ ...filter, readConfig: {} }] }, /has a readConfig that is no function/],
    [{ name: 'x', balancers: [{ name: 'y' }] }, /its balancers\[0\] has no function create/],
  ] as const) {
    test(`is refused: ${reason.source}`, () => assert.throws(() => checkManifest(given), reason));
  }

  test('may be anything at all, which is said in one line', () => {
    fc.assert(
      fc.property(fc.anything(), (given) => {
        try {
          checkManifest(given);
        } catch (thrown) {
          assert.ok(thrown instanceof Error && !thrown.message.includes('\n'));
        }
      }),
    );
  });
});
