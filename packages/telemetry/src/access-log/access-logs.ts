import type { Clock } from '@sofamesh/base/clock';
import type { AccessLog, LogRecord } from '@sofamesh/contract/access-log';
import type { Stats } from '@sofamesh/contract/stats';
import { compileFormat, compileJsonFormat, type JsonFormat } from './format.ts';
import { LineFile } from './line-file.ts';

/** Structurally the engine's `AccessLogConfig`. */
export interface AccessLogOptions {
  readonly sink:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'stdout' }
    | { readonly kind: 'stderr' };
  readonly format:
    | { readonly kind: 'text'; readonly text: string; readonly omitsEmpty?: boolean }
    | { readonly kind: 'json'; readonly json: JsonFormat; readonly omitsEmpty?: boolean };
}

const descriptors = { stdout: 1, stderr: 2 } as const;
const flushIntervalMs = 500;
const flushCharacters = 64 * 1024;
const waitingCharactersMax = 8 * 1024 * 1024;

/** The access logs of one thread. Logs of the same file share one descriptor and one queue. */
export class AccessLogs {
  readonly #clock: Clock;
  readonly #stats: Stats;
  readonly #files = new Map<string, LineFile>();

  constructor(clock: Clock, stats: Stats) {
    this.#clock = clock;
    this.#stats = stats;
  }

  /** Throws a CodedError when the format is not usable. */
  open({ sink, format }: AccessLogOptions): AccessLog {
    const render =
      format.kind === 'text'
        ? compileFormat(format.text, 'access_log.format', format.omitsEmpty ? '' : '-')
        : compileJsonFormat(format.json, 'access_log.json_format', format.omitsEmpty);
    const file = this.#file(sink);
    return { log: (record: LogRecord) => file.append(render(record)) };
  }

  #file(sink: AccessLogOptions['sink']): LineFile {
    const key = sink.kind === 'file' ? sink.path : sink.kind;
    let file = this.#files.get(key);
    if (file === undefined) {
      file = new LineFile({
        clock: this.#clock,
        target: sink.kind === 'file' ? sink.path : descriptors[sink.kind],
        flushIntervalMs,
        flushCharacters,
        waitingCharactersMax,
        written: this.#stats.counter('access_log_file.write_total'),
        dropped: this.#stats.counter('access_log_file.write_dropped'),
      });
      this.#files.set(key, file);
    }
    return file;
  }

  /** `POST /reopen_logs`. */
  reopen(): void {
    for (const file of this.#files.values()) file.reopen();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }
}
