/**
 * Frames (RFC 9113 §4.1), big-endian:
 *
 *      0                   3         4          5                          9
 *     +-------------------+---------+----------+--------------------------+---------+
 *     | length            | type    | flags    | R (1 bit)  stream id     | payload |
 *     +-------------------+---------+----------+--------------------------+---------+
 */
export const frameHeadBytes = 9;

export const dataFrame = 0;
export const headersFrame = 1;
export const priorityFrame = 2;
export const resetFrame = 3;
export const settingsFrame = 4;
export const pushPromiseFrame = 5;
export const pingFrame = 6;
export const goAwayFrame = 7;
export const windowUpdateFrame = 8;
export const continuationFrame = 9;

export const endStreamFlag = 0x01;
/** Of SETTINGS and PING; the bit of {@link endStreamFlag}. */
export const ackFlag = 0x01;
export const endHeadersFlag = 0x04;
export const paddedFlag = 0x08;
export const priorityFlag = 0x20;

export const headerTableSizeSetting = 1;
export const enablePushSetting = 2;
export const maxConcurrentStreamsSetting = 3;
export const initialWindowSizeSetting = 4;
export const maxFrameSizeSetting = 5;
export const maxHeaderListSizeSetting = 6;
/** RFC 8441 §3. */
export const enableConnectProtocolSetting = 8;

/** Before any setting has said otherwise (RFC 9113 §6.5.2). */
export const defaultWindowBytes = 65_535;
export const defaultFrameBytes = 16_384;
export const defaultTableBytes = 4096;
/** No window grows beyond it (RFC 9113 §6.9.1), and no stream id. */
export const largestWindow = 0x7fff_ffff;
export const largestStreamId = 0x7fff_ffff;

/** What a client's connection begins with (RFC 9113 §3.4). */
export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
