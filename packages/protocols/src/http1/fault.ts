import type { ProtocolFault } from '@sofamesh/contract/protocol';

/** Why a message is refused, and the status that a client is told. In HTTP/1 every fault ends the connection. */
export interface Http1Fault extends ProtocolFault {
  readonly scope: 'connection';
  readonly status: number;
}

export function refused(code: string, message: string, status = 400): Http1Fault {
  return { scope: 'connection', code, message, status };
}

export function printOctet(octet: number | undefined): string {
  return octet === undefined ? 'the end' : `0x${octet.toString(16).padStart(2, '0')}`;
}
