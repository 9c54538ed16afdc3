import type { LogRecord } from '@sofamesh/contract/access-log';
import type { RequestHead } from '@sofamesh/contract/message';
import type { TunnelConfig } from '../config/listener.ts';
import { type CompileFormat, HeaderEdits } from '../route/header-edits.ts';
import { LocalHeaders } from '../stream/local-headers.ts';

/** Makes the heads of the requests that connections travel in (`tunneling_config`). */
export class TunnelHeads {
  readonly #config: TunnelConfig;
  readonly #hostname: (record: LogRecord) => string;
  readonly #edits: HeaderEdits | undefined;

  /** Throws a CodedError when a format is not usable. */
  constructor(config: TunnelConfig, compileFormat: CompileFormat) {
    const { hostname, headers } = config;
    this.#config = config;
    this.#hostname = hostname.includes('%')
      ? compileFormat(hostname, 'tunneling_config.hostname')
      : () => config.hostname;
    this.#edits = HeaderEdits.compile({ add: headers, remove: [] }, compileFormat, 'tunneling_config.headers_to_add');
  }

  get keepsHead(): boolean {
    return this.#config.keepsHead;
  }

  get keepsTrailers(): boolean {
    return this.#config.keepsTrailers;
  }

  /** Of one try for the connection that `record` tells of. */
  headFor(record: LogRecord): RequestHead {
    const head = new TunnelHead(this.#config.postPath, this.#hostname(record));
    this.#edits?.apply(head, record);
    return head;
  }
}

/** As another protocol's, so that codecs look at what a client may have had a say in (its server name, its metadata). */
class TunnelHead extends LocalHeaders implements RequestHead {
  readonly protocol = 'tcp';
  readonly wholeBytes = 0;
  readonly oneWay = false;
  readonly timeoutMs = 0;
  readonly upgrade = undefined;
  readonly body = undefined;
  method: string;
  authority: string;
  path: string;
  /** Not one of HTTP's: the request has that of its connection. */
  scheme = 'tcp';

  constructor(postPath: string | undefined, authority: string) {
    super([]);
    this.method = postPath === undefined ? 'CONNECT' : 'POST';
    this.path = postPath ?? '/';
    this.authority = authority;
  }
}
