import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Address, ipAddress } from '@sofamesh/base/address';
import type { ListenOptions } from '@sofamesh/contract/transport';
import { NodeTransport } from './transport.ts';

// What a rule of the system diverts is tested in network namespaces: test/interop/original-dst.interop.ts.
const skip = process.platform === 'linux' ? false : 'the system calls are those of Linux';

/** Local address of a connection to a listener with these options, and what the system says it was made to. */
async function accepted(options: Partial<ListenOptions>, host: string): Promise<(Address | undefined)[]> {
  const transport = new NodeTransport();
  const seen: (Address | undefined)[] = [];
  const listener = await transport.listen({ address: ipAddress(host, 0), ...options }, (connection) => {
    seen.push(connection.local, connection.originalDestination?.());
    connection.setHandler({ onBytes() {}, onEnd() {}, onClose() {} });
    connection.close('now');
  });
  try {
    assert.ok(listener.address.kind === 'ip');
    const client = connect({ host, port: listener.address.port });
    client.on('error', () => {});
    await once(client, 'close');
    return [...seen, listener.address];
  } finally {
    await listener.close();
  }
}

for (const host of ['127.0.0.1', '::1']) {
  test(`a connection that no rule diverted has no original destination: ${host}`, { skip }, async () => {
    const [local, asked, address] = await accepted({ asksOriginalDestination: true }, host);
    assert.deepEqual([local, asked], [address, undefined]);
  });

  test(`a transparent socket, or the reason why not: ${host}`, { skip }, async () => {
    try {
      const [local, , address] = await accepted({ transparent: true, reusePort: true }, host);
      assert.deepEqual(local, address);
    } catch (thrown) {
      // Without CAP_NET_ADMIN.
      assert.match(String(thrown), /cannot listen on .*: setsockopt IP(V6)?_TRANSPARENT EPERM/);
    }
  });
}

test('an address that is taken is told by the system', { skip }, async () => {
  const transport = new NodeTransport();
  const first = await transport.listen({ address: ipAddress('127.0.0.1', 0) }, (connection) => connection.close('now'));
  const again = transport.listen({ address: first.address, transparent: true }, () => {});
  await assert.rejects(again, (error: Error & { code?: string }) => /^(EADDRINUSE|EPERM)$/.test(error.code ?? ''));
  await first.close();
});
