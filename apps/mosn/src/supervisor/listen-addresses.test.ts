import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, ipAddress } from '@sofamesh/base/address';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import { ListenAddresses } from './listen-addresses.ts';

test('an address for both families stays one when it is probed, and when its port was chosen', async () => {
  const probed: Address[] = [];
  const addresses = new ListenAddresses(async (address) => {
    probed.push(address);
    return ipAddress('::', 4711);
  });
  const listener = (address: Address) =>
    ({ name: 'l', address, additionalAddresses: [], bindToPort: true, udp: undefined }) as unknown as ListenerConfig;
  const both = { ...ipAddress('::', 0), ipv4Compat: true };
  const resolve = async (address: Address) => {
    const asked = [listener(address)];
    const { listeners, rejections } = await addresses.resolve(asked, []);
    assert.deepEqual(rejections, []);
    addresses.commit(asked, listeners, []);
    return listeners[0]!.address;
  };
  const bound = { ...ipAddress('::', 4711), ipv4Compat: true };
  assert.deepEqual(await resolve(both), bound);
  assert.deepEqual(await resolve(both), bound);
  assert.equal(probed.length, 1, 'it is ours already');
  assert.deepEqual(await resolve(ipAddress('::', 0)), ipAddress('::', 4711));
});
