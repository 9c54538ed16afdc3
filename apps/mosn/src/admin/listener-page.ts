import { type Address, formatAddress } from '@sofamesh/base/address';
import type { EngineStatus } from '@sofamesh/proxy/engine-api';
import { type AdminPage, json, text } from './page.ts';

/** `/listeners`: where each really listens. */
export function listenerPage(status: () => Promise<EngineStatus>): AdminPage {
  return {
    path: '/listeners',
    help: 'listeners and their addresses; ?format=json',
    answer: async ({ query }) => {
      const { listeners } = await status();
      if (query.get('format') !== 'json') {
        return text(listeners.map(({ name, address }) => `${name}::${formatAddress(address)}\n`).join(''));
      }
      return json({
        listener_statuses: listeners.map(({ name, address }) => ({ name, local_address: addressJson(address) })),
      });
    },
  };
}

/** `envoy.config.core.v3.Address` as JSON. */
export function addressJson(address: Address): object {
  if (address.kind === 'pipe') return { pipe: { path: address.path } };
  return { socket_address: { address: address.host, port_value: address.port } };
}
