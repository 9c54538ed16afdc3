import { type FaultCode, flood, type Http2Fault } from './fault.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { ResolvedHttp2Settings } from './settings.ts';

/** CONTINUATION frames of one header block. */
const continuationsMax = 8;
/** PING, SETTINGS and unknown frames at once; every chunk that arrives allows one more, every stream and data frame some. */
const controlFramesMax = 1000;
const controlFramesPerUse = 4;
/** Crumbs of data at once, see {@link DataSender.crumbs}; a chunk that asks for some allows a few more, other data too. */
const windowCrumbsMax = 1000;
const windowCrumbsPerChunk = 16;
const windowCrumbsPerFrame = 4;
/** Streams that were given up before they had an answer, as long as they are more than half of all. */
const prematureResetsMax = 250;
/** Heads above the limit that are answered, as long as they are more than half of all. */
const oversizedHeadsMax = 50;

/**
 * Counts what a peer can have done for next to nothing. Each method answers with the fault that ends the connection
 * (GOAWAY with ENHANCE_YOUR_CALM), or undefined. The formulas for PRIORITY, WINDOW_UPDATE, empty and outbound frames are Envoy's.
 */
export class FloodGuard {
  readonly #settings: ResolvedHttp2Settings;
  readonly #writer: FrameWriter;
  #streams = 0;
  #emptyFrames = 0;
  #priorityFrames = 0;
  #windowUpdates = 0;
  #controlCredit = controlFramesMax;
  #crumbCredit = windowCrumbsMax;
  #crumbsSeen = 0;
  /** DATA frames written when crumbs were last seen. */
  #crumbMarkFrames = 0;
  #prematureResets = 0;
  #oversizedHeads = 0;
  /** What had been written when the count of frames began anew. */
  #markBytes = 0;
  #controlMarkBytes = 0;

  constructor(settings: ResolvedHttp2Settings, writer: FrameWriter) {
    this.#settings = settings;
    this.#writer = writer;
  }

  onChunk(): void {
    if (this.#controlCredit < controlFramesMax) this.#controlCredit++;
  }

  onStream(): void {
    this.#streams++;
    this.#use();
  }

  /** A frame that carries something. */
  onPayload(): void {
    this.#emptyFrames = 0;
    this.#use();
  }

  #use(): void {
    this.#controlCredit = Math.min(controlFramesMax, this.#controlCredit + controlFramesPerUse);
  }

  /** HEADERS, CONTINUATION or DATA without payload and without an end. */
  emptyFrame(): Http2Fault | undefined {
    if (++this.#emptyFrames <= this.#settings.maxConsecutiveInboundFramesWithEmptyPayload) return undefined;
    return flood('inbound_empty_frames_flood', `${this.#emptyFrames} empty frames in a row`);
  }

  continuation(count: number): Http2Fault | undefined {
    if (count <= continuationsMax) return undefined;
    return flood('continuation_flood', `more than ${continuationsMax} CONTINUATION frames`);
  }

  priority(): Http2Fault | undefined {
    const allowed = this.#settings.maxInboundPriorityFramesPerStream * (1 + this.#streams);
    if (++this.#priorityFrames <= allowed) return undefined;
    return flood('inbound_priority_frames_flood', `more than ${allowed} PRIORITY frames`);
  }

  windowUpdate(): void {
    this.#windowUpdates++;
  }

  /** After what the last updates allow was sent. */
  windowUpdates(): Http2Fault | undefined {
    const perData = this.#settings.maxInboundWindowUpdateFramesPerDataFrameSent;
    const allowed = 5 + 2 * (this.#streams + perData * this.#writer.dataFrames);
    if (this.#windowUpdates <= allowed) return undefined;
    return flood('inbound_window_update_frames_flood', `more than ${allowed} WINDOW_UPDATE frames`);
  }

  /**
   * `crumbs`: all that were ever sent; asked once a chunk. A client that reads a few streams by octets, and says so each time,
   * causes one for each in a chunk, for which the chunk itself pays.
   */
  crumbs(crumbs: number): Http2Fault | undefined {
    const more = crumbs - this.#crumbsSeen;
    if (more === 0) return undefined;
    const { dataFrames } = this.#writer;
    const others = dataFrames - this.#crumbMarkFrames - more;
    this.#crumbsSeen = crumbs;
    this.#crumbMarkFrames = dataFrames;
    const refill = windowCrumbsPerChunk + others * windowCrumbsPerFrame;
    this.#crumbCredit = Math.min(windowCrumbsMax, this.#crumbCredit + refill) - more;
    if (this.#crumbCredit >= 0) return undefined;
    return flood('window_crumbs_flood', 'windows that are opened by a few octets at a time');
  }

  /** PING, SETTINGS, unknown types; `cost`: 1, more for a long one. */
  control(cost: number): Http2Fault | undefined {
    this.#controlCredit -= cost;
    if (this.#controlCredit >= 0) return undefined;
    return flood('inbound_control_frames_flood', 'too many PING, SETTINGS or unknown frames');
  }

  /** A stream ended before it had an answer: given up by the client, or refused for what the client did. */
  prematureReset(): Http2Fault | undefined {
    const resets = ++this.#prematureResets;
    if (resets <= prematureResetsMax || resets * 2 <= this.#streams) return undefined;
    return flood('too_many_premature_resets', `${resets} of ${this.#streams} streams reset before an answer`);
  }

  oversizedHead(): Http2Fault | undefined {
    const heads = ++this.#oversizedHeads;
    // One connection may carry the requests of many clients, of whom one has too many cookies.
    if (heads <= oversizedHeadsMax || heads * 2 <= this.#streams) return undefined;
    return flood('header_overflow', 'one head after the other above the limit');
  }

  /**
   * Whether frames pile up because the peer does not read. A limit's worth of frames is counted, then it is looked whether all that
   * was written before them has left: so at least the limit waits when this answers, and at most twice of it.
   */
  outbound(bufferedBytes: number): Http2Fault | undefined {
    const writer = this.#writer;
    const settings = this.#settings;
    if (writer.controlFrames > settings.maxOutboundControlFrames) {
      writer.controlFrames = 0;
      if (writer.writtenBytes - bufferedBytes < this.#controlMarkBytes) return this.#piled('outbound_control_flood');
      this.#controlMarkBytes = writer.writtenBytes;
    }
    if (writer.frames > settings.maxOutboundFrames) {
      writer.frames = 0;
      if (writer.writtenBytes - bufferedBytes < this.#markBytes) return this.#piled('outbound_flood');
      this.#markBytes = writer.writtenBytes;
    }
    return undefined;
  }

  #piled(code: FaultCode): Http2Fault {
    return flood(code, 'the peer does not read what it asks for');
  }
}
