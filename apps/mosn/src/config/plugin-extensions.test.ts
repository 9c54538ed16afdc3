import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema, StructSchema } from '@bufbuild/protobuf/wkt';
import { TypedStructSchema as UdpaTypedStructSchema } from '@sofamesh/api/gen/udpa/type/v1/typed_struct_pb';
import { TypedStructSchema } from '@sofamesh/api/gen/xds/type/v3/typed_struct_pb';
import { networkReaders, readers } from '../catalogue-config.gen.ts';
import { type BootstrapConfig, readBootstrap } from './bootstrap.ts';
import { Extensions } from './extensions.ts';
import { typeRegistry } from './registry.ts';

const prepare = () => () => ({});
const extensions = new Extensions(readers, networkReaders, {
  protocols: [],
  filters: [
    { name: 'my.plain', prepare },
    {
      name: 'my.strict',
      prepare,
      readConfig(json) {
        const { limit } = json as { limit?: unknown };
        if (typeof limit !== 'number') throw new Error('limit must be a number');
        return { doubled: limit * 2 };
      },
    },
    { name: 'my.function', prepare, readConfig: () => prepare },
  ],
  balancers: [{ name: 'my_balancer', create: () => ({ update() {}, pick: () => undefined }) }],
});

const any = (typeName: string, value: Uint8Array): Any =>
  create(AnySchema, { typeUrl: `type.googleapis.com/${typeName}`, value });
const struct = (json: JsonObject) => {
  const fields = Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      { kind: { case: 'numberValue' as const, value: value as number } },
    ]),
  );
  return any(StructSchema.typeName, toBinary(StructSchema, create(StructSchema, { fields })));
};
const typed = (typeUrl: string, value: JsonObject) =>
  any(TypedStructSchema.typeName, toBinary(TypedStructSchema, create(TypedStructSchema, { typeUrl, value })));
const udpa = (typeUrl: string, value: JsonObject) =>
  any(
    UdpaTypedStructSchema.typeName,
    toBinary(UdpaTypedStructSchema, create(UdpaTypedStructSchema, { typeUrl, value })),
  );

const filter = (name: string, config: Any | undefined) =>
  extensions.filter({ name, config, optional: false, disabled: false }, 'f');

describe('filters of plug-ins', () => {
  test('are asked for by name, or by what a TypedStruct says it is', () => {
    const plain = { name: 'my.plain', config: { limit: 3 }, disabled: false };
    assert.deepEqual(filter('my.plain', struct({ limit: 3 })), plain);
    assert.deepEqual(filter('my.plain', typed('', { limit: 3 })), plain);
    assert.deepEqual(filter('any name', typed('type.googleapis.com/my.plain', { limit: 3 })), plain);
    assert.deepEqual(filter('any name', udpa('type.googleapis.com/my.plain', { limit: 3 })), plain);
    assert.deepEqual(filter('my.plain', undefined), { ...plain, config: {} });
    assert.deepEqual(filter('my.strict', typed('x', { limit: 4 }))?.config, { doubled: 8 });
  });

  test('refuse what they cannot read, by its field', () => {
    assert.throws(() => filter('my.strict', undefined), /^.*f\.typed_config: "my\.strict": limit must be a number$/);
    assert.throws(() => filter('my.function', undefined), /f\.typed_config: "my\.function": .*could not be cloned/);
    assert.throws(() => filter('another', struct({})), /no filter of this proxy reads this \(another\)/);
    const broken = any(StructSchema.typeName, Buffer.from([0xff]));
    assert.throws(() => filter('my.plain', broken), /cannot be decoded/);
  });

  test('have a configuration of their own on routes', () => {
    const unwrap = (config: Any) => ({ config, optional: false });
    const read = (configs: Record<string, Any>) => extensions.perFilter(configs, unwrap, 'p');
    assert.deepEqual(read({ 'my.strict': struct({ limit: 1 }) }), { 'my.strict': { doubled: 2 } });
    assert.throws(() => read({ 'my.strict': struct({}) }), /p\["my\.strict"\]: "my\.strict": limit/);
  });

  test('are told to the control plane', () => {
    assert.ok(extensions.list().some(({ name }) => name === 'my.plain'));
  });
});

test('balancers of plug-ins are asked for by name', () => {
  const options = { hosts: 2 };
  assert.deepEqual(extensions.balancer('my_balancer', struct(options), 'b'), { name: 'my_balancer', options });
  assert.deepEqual(extensions.balancer('x', typed('a/my_balancer', options), 'b'), { name: 'my_balancer', options });
  assert.equal(extensions.balancer('x', struct(options), 'b'), undefined);
});

describe('bootstrap_extensions', () => {
  const read = (json: object): BootstrapConfig =>
    readBootstrap([{ text: JSON.stringify(json), origin: 'x' }], typeRegistry(extensions), extensions);

  test('of other kinds are left out with a warning', () => {
    const typed_config = { '@type': 'type.googleapis.com/some.InternalListener' };
    const { warnings, message } = read({ bootstrap_extensions: [{ name: 'internal', typed_config }] });
    assert.deepEqual(warnings, ['bootstrap_extensions[0] (internal): has no effect in this proxy']);
    assert.equal(message.bootstrapExtensions.length, 0);
  });

  test('that are ours are kept, for the dump', () => {
    const type = 'type.googleapis.com/mosn.extensions.bootstrap.plugins.v1.Plugins';
    const typed_config = { '@type': type, plugins: [{ path: './a.ts' }] };
    const { warnings, message } = read({ bootstrap_extensions: [{ name: 'p', typed_config }] });
    assert.deepEqual(warnings, []);
    assert.equal(message.bootstrapExtensions.length, 1);
  });

  test('that make no sense are refused', () => {
    assert.throws(() => read({ bootstrap_extensions: 7 }), /bootstrap_extensions: 7: must be a list/);
    assert.throws(() => read({ bootstrap_extensions: [7] }), /bootstrap_extensions\[0\]: 7: must be an object/);
  });
});
