import type { ResetReason } from '@sofamesh/contract/message';

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 §7). */
export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const;

/** What the peer is told when a stream is given up; never what could be taken for a good end. */
export function errorCodeOf(reason: ResetReason): number {
  switch (reason) {
    case 'refused':
      return ErrorCode.refusedStream;
    case 'local-reset':
      return ErrorCode.cancel;
    case 'protocol-error':
      return ErrorCode.protocolError;
    case 'overflow':
      return ErrorCode.enhanceYourCalm;
    default:
      return ErrorCode.internalError;
  }
}

/** What a peer's RST_STREAM means to the stream that it ends. */
export function reasonOfErrorCode(errorCode: number): ResetReason {
  return errorCode === ErrorCode.refusedStream ? 'refused' : 'remote-reset';
}
