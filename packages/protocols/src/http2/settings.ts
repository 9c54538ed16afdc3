import { CodedError } from '@sofamesh/base/errors';
import { largestWindow } from './frame.ts';

/**
 * Plain data from the configuration: Envoy's `Http2ProtocolOptions`, and what the connection manager says that concerns
 * the codec. Every field may be absent.
 *
 *     { maxConcurrentStreams: 100, allowConnect: true }
 */
export interface Http2Settings {
  /** Header table that the peer may use, in bytes. Envoy: `hpack_table_size`. Default 4096. */
  readonly hpackTableSize?: number;
  /** Streams that a client may have open. Envoy: `max_concurrent_streams`. Default: the limits' `streamsMax`. */
  readonly maxConcurrentStreams?: number | undefined;
  /** What a peer may send on a stream before anybody has taken it. Envoy: `initial_stream_window_size`. Default 256 KiB. */
  readonly initialStreamWindowSize?: number;
  /** The same for all streams together. Envoy: `initial_connection_window_size`. Default 1 MiB. */
  readonly initialConnectionWindowSize?: number;
  /** Longest frame that a peer may send. Envoy: `max_frame_size` (it has 16384 fixed). Default 16384. */
  readonly maxFrameSize?: number;
  /** Extended CONNECT (RFC 8441) is offered to clients. Envoy: `allow_connect`. Default false. */
  readonly allowConnect?: boolean;
  /** Frames that may wait because the peer does not read. Envoy: `max_outbound_frames`. Default 10000. */
  readonly maxOutboundFrames?: number;
  /** PING, SETTINGS and RST_STREAM frames among these. Envoy: `max_outbound_control_frames`. Default 1000. */
  readonly maxOutboundControlFrames?: number;
  /**
   * HEADERS, CONTINUATION and DATA frames one after the other that say nothing.
   * Envoy: `max_consecutive_inbound_frames_with_empty_payload`. Default 1.
   */
  readonly maxConsecutiveInboundFramesWithEmptyPayload?: number;
  /** Envoy: `max_inbound_priority_frames_per_stream`. Default 100. */
  readonly maxInboundPriorityFramesPerStream?: number;
  /** Envoy: `max_inbound_window_update_frames_per_data_frame_sent`. Default 10. */
  readonly maxInboundWindowUpdateFramesPerDataFrameSent?: number;
  /**
   * A malformed message costs its stream (RFC 9113 §8.1.1); false: its connection.
   * Envoy: `override_stream_error_on_invalid_http_message`. Default true.
   */
  readonly overrideStreamErrorOnInvalidHttpMessage?: boolean;
  /** As for HTTP/1: pass `Expect: 100-continue` on instead of answering it. Envoy: `proxy_100_continue`. Default false. */
  readonly proxy100Continue?: boolean;
  /** Interim (1xx) responses before the final one. Default 64. */
  readonly informationalMax?: number;
}

/** The same with every default in its place. */
export type ResolvedHttp2Settings = Required<Omit<Http2Settings, 'maxConcurrentStreams'>> & {
  readonly maxConcurrentStreams: number | undefined;
};

export const defaultHttp2Settings: ResolvedHttp2Settings = {
  hpackTableSize: 4096,
  maxConcurrentStreams: undefined,
  initialStreamWindowSize: 256 * 1024,
  initialConnectionWindowSize: 1024 * 1024,
  maxFrameSize: 16_384,
  allowConnect: false,
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveInboundFramesWithEmptyPayload: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdateFramesPerDataFrameSent: 10,
  overrideStreamErrorOnInvalidHttpMessage: true,
  proxy100Continue: false,
  informationalMax: 64,
};

/** Throws `bad_settings` naming the field. */
export function http2Settings(settings: unknown): ResolvedHttp2Settings {
  if (settings === undefined || settings === null) return defaultHttp2Settings;
  if (typeof settings !== 'object') throw new CodedError('bad_settings', 'http2: settings are not an object');
  const given = settings as Record<string, unknown>;
  const flag = (field: BooleanField): boolean => {
    const value = given[field] ?? defaultHttp2Settings[field];
    if (typeof value === 'boolean') return value;
    throw new CodedError('bad_settings', `http2: ${field} is not a boolean`);
  };
  const between = (field: NumberField, min: number, max: number): number => {
    const value = given[field] ?? defaultHttp2Settings[field];
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw new CodedError('bad_settings', `http2: ${field} is not a whole number from ${min} to ${max}`);
  };
  return {
    hpackTableSize: between('hpackTableSize', 0, largestUint32),
    maxConcurrentStreams:
      given['maxConcurrentStreams'] === undefined ? undefined : between('maxConcurrentStreams', 1, largestWindow),
    initialStreamWindowSize: between('initialStreamWindowSize', 65_535, largestWindow),
    initialConnectionWindowSize: between('initialConnectionWindowSize', 65_535, largestWindow),
    maxFrameSize: between('maxFrameSize', 16_384, 0xff_ffff),
    allowConnect: flag('allowConnect'),
    maxOutboundFrames: between('maxOutboundFrames', 1, largestUint32),
    maxOutboundControlFrames: between('maxOutboundControlFrames', 1, largestUint32),
    maxConsecutiveInboundFramesWithEmptyPayload: between(
      'maxConsecutiveInboundFramesWithEmptyPayload',
      0,
      largestUint32,
    ),
    maxInboundPriorityFramesPerStream: between('maxInboundPriorityFramesPerStream', 0, largestUint32),
    maxInboundWindowUpdateFramesPerDataFrameSent: between(
      'maxInboundWindowUpdateFramesPerDataFrameSent',
      1,
      largestUint32,
    ),
    overrideStreamErrorOnInvalidHttpMessage: flag('overrideStreamErrorOnInvalidHttpMessage'),
    proxy100Continue: flag('proxy100Continue'),
    informationalMax: between('informationalMax', 0, largestUint32),
  };
}

const largestUint32 = 0xffff_ffff;

type BooleanField = 'allowConnect' | 'overrideStreamErrorOnInvalidHttpMessage' | 'proxy100Continue';
type NumberField = Exclude<keyof Http2Settings, BooleanField>;
