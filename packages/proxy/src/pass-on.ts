import type { Connection } from '@sofamesh/contract/transport';

/** See {@link Connection.passOn}. */
export function passOn(connection: Pick<Connection, 'write' | 'passOn'>, chunk: Buffer): void {
  if (connection.passOn === undefined) connection.write(chunk);
  else connection.passOn(chunk);
}
