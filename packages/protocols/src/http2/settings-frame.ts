import type { CodecLimits } from '@sofamesh/contract/protocol';
import {
  defaultFrameBytes,
  defaultTableBytes,
  defaultWindowBytes,
  enableConnectProtocolSetting,
  enablePushSetting,
  headerTableSizeSetting,
  initialWindowSizeSetting,
  maxConcurrentStreamsSetting,
  maxFrameSizeSetting,
  maxHeaderListSizeSetting,
} from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { ResolvedHttp2Settings } from './settings.ts';

/**
 * The SETTINGS that a connection begins with, and the window of the connection, which is not among them (RFC 9113
 * §6.5.2). `streamsMax`: of a server; undefined: this side is the client, which wants no pushes.
 */
export function announce(
  writer: FrameWriter,
  settings: ResolvedHttp2Settings,
  limits: CodecLimits,
  streamsMax?: number,
): void {
  const pairs: [number, number][] = [];
  if (settings.hpackTableSize !== defaultTableBytes) pairs.push([headerTableSizeSetting, settings.hpackTableSize]);
  if (streamsMax === undefined) pairs.push([enablePushSetting, 0]);
  else pairs.push([maxConcurrentStreamsSetting, streamsMax]);
  pairs.push([initialWindowSizeSetting, settings.initialStreamWindowSize]);
  if (settings.maxFrameSize !== defaultFrameBytes) pairs.push([maxFrameSizeSetting, settings.maxFrameSize]);
  pairs.push([maxHeaderListSizeSetting, limits.headBytesMax]);
  if (streamsMax !== undefined && settings.allowConnect) pairs.push([enableConnectProtocolSetting, 1]);
  writer.settings(pairs);
  const more = settings.initialConnectionWindowSize - defaultWindowBytes;
  if (more > 0) writer.windowUpdate(0, more);
}
