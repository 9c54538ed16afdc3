import { readUint32 } from '../shared/byte-writer.ts';
import { ErrorCode } from './error-code.ts';
import { flowControlFault, type Http2Fault, protocolFault } from './fault.ts';
import {
  defaultFrameBytes,
  defaultTableBytes,
  defaultWindowBytes,
  enableConnectProtocolSetting,
  enablePushSetting,
  headerTableSizeSetting,
  initialWindowSizeSetting,
  largestWindow,
  maxConcurrentStreamsSetting,
  maxFrameSizeSetting,
} from './frame.ts';

/** Streams that a server is taken to allow before its settings have come (RFC 9113 §6.5.2 recommends no less). */
const assumedStreams = 100;
const largestFrame = 0xff_ffff;

/** What the peer wants of us, as its SETTINGS frames have said so far (RFC 9113 §6.5.2). */
export class PeerSettings {
  received = false;
  headerTableBytes = defaultTableBytes;
  concurrentStreams = assumedStreams;
  windowBytes = defaultWindowBytes;
  frameBytes = defaultFrameBytes;
  enableConnect = false;

  /** Takes over one SETTINGS frame in its order; `fromServer`: it comes from one. */
  read(bytes: Buffer, start: number, end: number, fromServer: boolean): Http2Fault | undefined {
    if (!this.received) {
      this.received = true;
      this.concurrentStreams = largestWindow;
    }
    for (let at = start; at < end; at += 6) {
      const fault = this.#set((bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2), fromServer);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #set(setting: number, value: number, fromServer: boolean): Http2Fault | undefined {
    switch (setting) {
      case headerTableSizeSetting:
        this.headerTableBytes = value;
        return undefined;
      case enablePushSetting:
        if (value > 1 || (fromServer && value !== 0)) return protocolFault('bad_settings', `ENABLE_PUSH ${value}`);
        return undefined;
      case maxConcurrentStreamsSetting:
        this.concurrentStreams = value;
        return undefined;
      case initialWindowSizeSetting:
        if (value > largestWindow) return flowControlFault(`INITIAL_WINDOW_SIZE ${value}`);
        this.windowBytes = value;
        return undefined;
      case maxFrameSizeSetting:
        if (value < defaultFrameBytes || value > largestFrame) {
          return protocolFault('bad_settings', `MAX_FRAME_SIZE ${value}`);
        }
        this.frameBytes = value;
        return undefined;
      case enableConnectProtocolSetting:
        if (value > 1 || (value === 0 && this.enableConnect)) {
          return {
            code: 'bad_settings',
            message: `ENABLE_CONNECT_PROTOCOL ${value}`,
            errorCode: ErrorCode.protocolError,
          };
        }
        this.enableConnect = value === 1;
        return undefined;
      default:
        return undefined;
    }
  }
}
