import type { ProtocolFault } from '@sofamesh/contract/protocol';
import { ErrorCode } from './error-code.ts';

/** What a peer did wrong, and the error code that it is told. */
export interface Http2Fault {
  /** As {@link ProtocolFault.code}. */
  readonly code: string;
  readonly message: string;
  readonly errorCode: number;
}

/** Words of {@link ProtocolFault.code}; those that Envoy counts under `http2.` have its names. */
export type FaultCode =
  | 'bad_preface'
  | 'bad_settings'
  | 'bad_stream_id'
  | 'compression_error'
  | 'continuation_flood'
  | 'flow_control_error'
  | 'frame_size_error'
  | 'header_overflow'
  | 'inbound_control_frames_flood'
  | 'inbound_empty_frames_flood'
  | 'inbound_priority_frames_flood'
  | 'inbound_window_update_frames_flood'
  | 'outbound_control_flood'
  | 'outbound_flood'
  | 'rx_messaging_error'
  | 'self_dependency'
  | 'stream_closed'
  | 'too_many_informational'
  | 'too_many_premature_resets'
  | 'too_many_streams'
  | 'unexpected_frame'
  | 'window_crumbs_flood';

export function protocolFault(code: FaultCode, message: string): Http2Fault {
  return { code, message, errorCode: ErrorCode.protocolError };
}

export function flood(code: FaultCode, message: string): Http2Fault {
  return { code, message, errorCode: ErrorCode.enhanceYourCalm };
}

export function frameSizeFault(message: string): Http2Fault {
  return { code: 'frame_size_error', message, errorCode: ErrorCode.frameSizeError };
}

export function flowControlFault(message: string): Http2Fault {
  return { code: 'flow_control_error', message, errorCode: ErrorCode.flowControlError };
}

export function streamClosedFault(message: string): Http2Fault {
  return { code: 'stream_closed', message, errorCode: ErrorCode.streamClosed };
}

/** As the engine is told. */
export function reported(fault: Http2Fault, scope: ProtocolFault['scope']): ProtocolFault {
  return { scope, code: fault.code, message: fault.message };
}
