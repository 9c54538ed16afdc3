import type { Headers, ResponseHead } from '@sofamesh/contract/message';

export const grpcContentType = 'application/grpc';

/** `application/grpc`, also with a message format: `application/grpc+proto`. */
export function isGrpc(headers: Headers): boolean {
  const type = headers.get('content-type');
  if (type === undefined || !type.startsWith(grpcContentType)) return false;
  return type.length === grpcContentType.length || type[grpcContentType.length] === '+';
}

/** `end`: nothing follows the head, so that it has to say the status. */
export function isGrpcResponse(head: ResponseHead, end: boolean): boolean {
  return end ? head.get('grpc-status') !== undefined : head.status === 200 && isGrpc(head);
}

/** gRPC status of an HTTP one (gRPC's document "HTTP to gRPC Status Code Mapping"). */
export function grpcStatusOfHttp(status: number): number {
  return byHttpStatus[status] ?? 2;
}

const byHttpStatus: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** Bytes as a `grpc-message`: percent-encoded but for visible ASCII (gRPC over HTTP/2, Status-Message). */
export function encodeGrpcMessage(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e || byte === 0x25) text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}
