import type { IpAddress } from '@sofamesh/base/address';
import { systemClock } from '@sofamesh/base/clock';
import { NodeTransport } from '@sofamesh/net/transport';

const connectTimeoutMs = 1_000;
const transport = new NodeTransport({ clock: systemClock });

/** Whether somebody accepts connections there. */
export function isReachable(address: IpAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = transport.dial(
      { address, connectTimeoutMs },
      {
        onConnect() {
          connection.close('now');
          resolve(true);
        },
        onBytes() {},
        onEnd() {},
        onClose: () => resolve(false),
      },
    );
  });
}

/** Whether this process could listen there. */
export async function isFree(address: IpAddress): Promise<boolean> {
  try {
    const listener = await transport.listen({ address }, (connection) => connection.close('now'));
    await listener.close();
    return true;
  } catch {
    return false;
  }
}
