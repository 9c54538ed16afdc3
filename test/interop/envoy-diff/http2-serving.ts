import { HpackDecoder } from '@sofamesh/protocols/shared/hpack/decoder';
import type { Http2Answer } from './case.ts';
import { clientPreface, endHeaders, endStream, frame, frameHeadOctets, frameType } from './http2-wire.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

/** One connection of an upstream that speaks HTTP/2: answers what has to be answered, and each stream by script. */
export class Http2Serving {
  readonly #peer: ScriptedPeer;
  readonly #takeAnswer: () => Http2Answer;
  readonly #decoder = new HpackDecoder({ tableBytesMax: 4096 });
  readonly #waiting = new Map<number, Http2Answer>();
  #at = clientPreface.length;
  #begun = false;
  readonly #first: Http2Answer;

  /** `first`: what the script begins with; what it does when it is connected to is done to every connection. */
  constructor(peer: ScriptedPeer, takeAnswer: () => Http2Answer, first: Http2Answer) {
    this.#peer = peer;
    this.#takeAnswer = takeAnswer;
    this.#first = first;
  }

  onChange(): void {
    if (!this.#begun) {
      this.#begun = true;
      void this.#peer.perform(this.#first.at === 'connect' ? this.#first.frames(1) : [frame(frameType.settings, 0, 0)]);
    }
    const { received } = this.#peer;
    while (this.#at + frameHeadOctets <= received.length) {
      const bytes = Buffer.from(received.slice(this.#at, this.#at + frameHeadOctets), 'latin1');
      const end = this.#at + frameHeadOctets + bytes.readUIntBE(0, 3);
      if (end > received.length) return;
      const payload = received.slice(this.#at + frameHeadOctets, end);
      this.#at = end;
      this.#onFrame(bytes[3]!, bytes[4]!, bytes.readUInt32BE(5), payload);
    }
  }

  #onFrame(type: number, flags: number, stream: number, payload: string): void {
    const acknowledged = 1;
    if (type === frameType.settings || type === frameType.ping) {
      if ((flags & acknowledged) === 0 && this.#first.at !== 'connect') {
        this.#peer.socket.write(frame(type, acknowledged, 0, type === frameType.ping ? payload : ''), 'latin1');
      }
      return;
    }
    if (type === frameType.headers) {
      // The table of the proxy's encoder grows with each block; what it says is looked at by the observation.
      if (flags & endHeaders) this.#decoder.decode(Buffer.from(payload, 'latin1'), { field: () => {} });
      if (!this.#waiting.has(stream)) this.#onHead(stream);
    }
    const waiting = this.#waiting.get(stream);
    if (waiting === undefined || (flags & endStream) === 0) return;
    if (type !== frameType.headers && type !== frameType.data) return;
    this.#waiting.delete(stream);
    this.#perform(waiting, stream);
  }

  #onHead(stream: number): void {
    const answer = this.#takeAnswer();
    if (answer.at === 'head') this.#perform(answer, stream);
    else if (answer.at !== 'connect') this.#waiting.set(stream, answer);
  }

  #perform(answer: Http2Answer, stream: number): void {
    void this.#peer.perform(answer.frames(stream));
  }
}
