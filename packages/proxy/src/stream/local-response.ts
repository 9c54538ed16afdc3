import type { LocalReply, ResponseHead } from '@sofamesh/contract/message';
import { LocalHeaders } from './local-headers.ts';

/** The head of an answer that the proxy makes itself, as response filters and logs see it. */
export class LocalResponseHead extends LocalHeaders implements ResponseHead {
  readonly protocol = 'local';
  readonly nativeStatus: number;
  readonly applicationError = false;
  readonly wholeBytes = 0;
  readonly body = undefined;
  status: number;
  readonly #reply: LocalReply;

  constructor(reply: LocalReply) {
    super(reply.headers ?? []);
    this.#reply = reply;
    this.status = reply.status;
    this.nativeStatus = reply.status;
  }

  /** The answer with what filters have changed. */
  toReply(): LocalReply {
    return { ...this.#reply, status: this.status, headers: this.list };
  }
}
