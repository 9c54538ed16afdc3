import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { httpBootstrap, launchMosn } from './support/mosn.ts';

const endTimeoutMs = 20_000;

/** Exit code and output of a mosn that is expected to end by itself. */
async function ending(bootstrap: object | string, ...args: string[]) {
  const { process } = launchMosn({ bootstrap, args: args.length === 0 ? ['--concurrency', '1'] : args });
  const late = setTimeout(() => process.signal('SIGKILL'), endTimeoutMs);
  const { code } = await process.ended;
  clearTimeout(late);
  return { code, output: process.output };
}

describe('mosn that cannot start', () => {
  test('names the field, the value and the reason, a line for each, and exits with 1', async () => {
    const { bootstrap, parts } = httpBootstrap(1);
    parts.cluster.connect_timeout = '-1s';
    parts.listener.address.socket_address.port_value = 70_000;
    const { code, output } = await ending(bootstrap);
    assert.equal(code, 1);
    assert.match(output, /^static_resources\.clusters\[0\]\.connect_timeout: .+: .+$/m);
    assert.match(output, /^static_resources\.listeners\[0\]\.address.*port_value: 70000: .+$/m);
  });

  for (const [what, bootstrap, pattern] of [
    ['an unknown field', { ...httpBootstrap(1).bootstrap, statc_resources: {} }, /statc_resources/],
    ['no YAML', 'a: [', /bootstrap/],
    ['a list', '[]', /must be an object/],
  ] as const) {
    test(`says what is wrong with ${what}`, async () => {
      const { code, output } = await ending(bootstrap);
      assert.equal(code, 1);
      assert.match(output, pattern);
      assert.doesNotMatch(output, /^ {4}at /m);
    });
  }

  for (const concurrency of ['1', '2']) {
    test(`says that an address is taken (${concurrency} workers)`, async (t) => {
      const holder = createServer();
      await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
      t.after(() => holder.close());
      const { port } = holder.address() as AddressInfo;
      const { code, output } = await ending(
        httpBootstrap(1, { listenerPort: port }).bootstrap,
        '--concurrency',
        concurrency,
      );
      assert.equal(code, 1);
      assert.match(output, new RegExp(`listener in: .*127\\.0\\.0\\.1:${port}.*EADDRINUSE`));
    });
  }

  test('says that the address of the admin server is taken', async (t) => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    t.after(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const { bootstrap } = httpBootstrap(1);
    bootstrap.admin.address.socket_address.port_value = port;
    const { code, output } = await ending(bootstrap);
    assert.equal(code, 1);
    assert.match(output, new RegExp(`^admin\\.address: 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`, 'm'));
  });

  test('refuses arguments that it does not know', async () => {
    const { code, output } = await ending(httpBootstrap(1).bootstrap, '--nonsense');
    assert.equal(code, 1);
    assert.match(output, /unknown option/);
  });
});

describe('mosn --mode validate', () => {
  test('accepts a good bootstrap without opening a port', async (t) => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    t.after(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const { code, output } = await ending(httpBootstrap(1, { listenerPort: port }).bootstrap, '--mode', 'validate');
    assert.equal(code, 0, output);
    assert.match(output, /configuration '.*bootstrap\.yaml' OK/);
  });

  test('finds what only the engine can know', async () => {
    const { bootstrap, parts } = httpBootstrap(1);
    parts.routes[0]!.match = { safe_regex: { regex: '(' } };
    const { code, output } = await ending(bootstrap, '--mode', 'validate');
    assert.equal(code, 1);
    assert.match(output, /regex/);
  });
});
