import type { Random } from '@sofamesh/base/random';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { LocalReply } from '@sofamesh/contract/message';
import type { LogFormatConfig } from '../config/extension.ts';
import type { BodyFormatConfig, LocalRepliesConfig, LocalReplyMapperConfig } from '../config/http-edge.ts';
import { HeaderEdits } from '../route/header-edits.ts';
import { LocalResponseHead } from './local-response.ts';
import { compileLogFilter, type LogFilter } from './log-filter.ts';

/** Turns a log format into a function; see EngineEnvironment. */
export type CompileLogFormat = (format: LogFormatConfig, where: string) => (record: LogRecord) => string;

/** The exchange whose reply is rewritten: mappers look at what it says of itself. */
export interface RewrittenExchange extends LogRecord {
  status: number;
  showReply(reply: LocalReply): void;
}

/** Changes answers that the proxy makes itself before they go out: `local_reply_config`. */
export class LocalReplies {
  readonly #mappers: readonly Mapper[];
  readonly #body: BodyFormat | undefined;

  /** Throws a CodedError that begins with `where`. */
  constructor(config: LocalRepliesConfig, random: Random, compile: CompileLogFormat, where: string) {
    this.#mappers = config.mappers.map((mapper, at) => new Mapper(mapper, random, compile, `${where}.mappers[${at}]`));
    this.#body = config.body && new BodyFormat(config.body, compile, `${where}.body_format`);
  }

  rewrite(reply: LocalReply, exchange: RewrittenExchange): LocalReply {
    const mapper = this.#mappers.find((each) => each.filter(exchange));
    const mapped = mapper?.apply(reply, exchange) ?? reply;
    const body = mapper?.body ?? this.#body;
    if (body === undefined) return mapped;
    exchange.status = mapped.status;
    exchange.showReply(mapped);
    return body.apply(mapped, exchange);
  }
}

class Mapper {
  readonly filter: LogFilter;
  readonly body: BodyFormat | undefined;
  readonly #status: number | undefined;
  readonly #text: string | undefined;
  readonly #edits: HeaderEdits | undefined;

  constructor(config: LocalReplyMapperConfig, random: Random, compile: CompileLogFormat, where: string) {
    this.filter = compileLogFilter(config.filter, random, `${where}.filter`);
    this.body = config.format && new BodyFormat(config.format, compile, `${where}.body_format_override`);
    this.#status = config.status;
    this.#text = config.body;
    const add = { add: config.headers, remove: [] };
    const compileText = (text: string, at: string) => compile({ kind: 'text', text }, at);
    this.#edits = HeaderEdits.compile(add, compileText, `${where}.headers_to_add`);
  }

  apply(reply: LocalReply, record: LogRecord): LocalReply {
    let mapped = reply;
    if (this.#edits !== undefined) {
      const head = new LocalResponseHead(reply);
      this.#edits.apply(head, record);
      mapped = head.toReply();
    }
    return { ...mapped, status: this.#status ?? mapped.status, body: this.#text ?? mapped.body };
  }
}

class BodyFormat {
  readonly #format: (record: LogRecord) => string;
  readonly #contentType: string;

  constructor({ format, contentType }: BodyFormatConfig, compile: CompileLogFormat, where: string) {
    this.#format = compile(format, where);
    this.#contentType = contentType || (format.kind === 'json' ? 'application/json' : 'text/plain');
  }

  apply(reply: LocalReply, record: LogRecord): LocalReply {
    const headers: (readonly [string, string])[] = (reply.headers ?? []).filter(([name]) => name !== 'content-type');
    headers.push(['content-type', this.#contentType]);
    return { ...reply, body: this.#format(record), headers };
  }
}
