import type { Http2ProtocolOptions, KeepaliveSettings } from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import type { Http2Settings } from '@sofamesh/protocols/http2/settings';
import type { KeepaliveConfig } from '@sofamesh/proxy/config/cluster';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError } from './fields.ts';

const largestInteger = 0x7fffffff;
const windowBytesMin = 65_535;
const defaultJitterPercent = 15;

/** Numbers that the codec takes as they are, with the range that Envoy's rules allow. */
const ranges = [
  ['hpackTableSize', 'hpack_table_size', 0, 0xffffffff],
  ['maxConcurrentStreams', 'max_concurrent_streams', 1, largestInteger],
  ['initialStreamWindowSize', 'initial_stream_window_size', windowBytesMin, largestInteger],
  ['initialConnectionWindowSize', 'initial_connection_window_size', windowBytesMin, largestInteger],
  ['maxOutboundFrames', 'max_outbound_frames', 1, 0xffffffff],
  ['maxOutboundControlFrames', 'max_outbound_control_frames', 1, 0xffffffff],
  ['maxConsecutiveInboundFramesWithEmptyPayload', 'max_consecutive_inbound_frames_with_empty_payload', 0, 0xffffffff],
  ['maxInboundPriorityFramesPerStream', 'max_inbound_priority_frames_per_stream', 0, 0xffffffff],
  [
    'maxInboundWindowUpdateFramesPerDataFrameSent',
    'max_inbound_window_update_frames_per_data_frame_sent',
    1,
    0xffffffff,
  ],
] as const;

/** `envoy.config.core.v3.Http2ProtocolOptions`; undefined when it changes nothing. Its keepalive: {@link readKeepalive}. */
export function readHttp2Settings(
  options: Http2ProtocolOptions | undefined,
  path: string,
  context: ReadContext,
): Http2Settings | undefined {
  if (options === undefined) return undefined;
  if (options.allowMetadata) context.ignored(`${path}.allow_metadata`);
  if (options.customSettingsParameters.length > 0) context.ignored(`${path}.custom_settings_parameters`);
  const settings: { [Name in (typeof ranges)[number][0]]?: number } = {};
  for (const [name, field, min, max] of ranges) {
    const value = options[name];
    if (value === undefined) continue;
    if (value < min) throw new FieldError(`${path}.${field}`, value, `must be at least ${min}`);
    if (value > max) throw new FieldError(`${path}.${field}`, value, `must be at most ${max}`);
    settings[name] = value;
  }
  const lenient =
    options.overrideStreamErrorOnInvalidHttpMessage ?? (options.streamErrorOnInvalidHttpMessaging || undefined);
  const whole: Http2Settings = {
    ...settings,
    ...(options.allowConnect && { allowConnect: true }),
    ...(lenient !== undefined && { overrideStreamErrorOnInvalidHttpMessage: lenient }),
  };
  return Object.keys(whole).length === 0 ? undefined : whole;
}

/** `envoy.config.core.v3.KeepaliveSettings`, as both ends of the proxy have them. */
export function readKeepalive(settings: KeepaliveSettings | undefined, path: string): KeepaliveConfig | undefined {
  if (settings === undefined) return undefined;
  const read = (field: 'interval' | 'timeout' | 'connectionIdleInterval', name: string) => {
    const valueMs = durationMs(settings[field], 0, `${path}.${name}`);
    if (settings[field] !== undefined && valueMs < 1) {
      throw new FieldError(`${path}.${name}`, `${valueMs}ms`, 'must be at least 1 ms');
    }
    return valueMs;
  };
  if (settings.timeout === undefined) throw new FieldError(`${path}.timeout`, undefined, 'is required');
  const jitterPercent = settings.intervalJitter?.value ?? defaultJitterPercent;
  if (!(jitterPercent >= 0 && jitterPercent <= 100)) {
    throw new FieldError(`${path}.interval_jitter`, jitterPercent, 'must be from 0 to 100');
  }
  return {
    intervalMs: read('interval', 'interval'),
    timeoutMs: read('timeout', 'timeout'),
    jitterPercent,
    idleIntervalMs: read('connectionIdleInterval', 'connection_idle_interval'),
  };
}
