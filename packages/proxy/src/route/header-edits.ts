import type { LogRecord } from '@sofamesh/contract/access-log';
import type { Headers } from '@sofamesh/contract/message';
import type { HeaderAction, HeaderMutation } from '../config/route.ts';

/**
 * Turns a format string with Envoy's operators into a function; `telemetry` has it, the composition root passes it in.
 * `absent` stands for what is not there, `-` by default.
 */
export type CompileFormat = (format: string, where: string, absent?: string) => (record: LogRecord) => string;

interface Addition {
  readonly name: string;
  readonly action: HeaderAction;
  readonly keepsEmpty: boolean;
  readonly value: (record: LogRecord) => string;
}

/** Header additions and removals of one level (table, virtual host, route, weighted cluster), compiled. */
export class HeaderEdits {
  readonly #add: readonly Addition[];
  readonly #remove: readonly string[];

  private constructor(add: readonly Addition[], remove: readonly string[]) {
    this.#add = add;
    this.#remove = remove;
  }

  /** Undefined when there is nothing to do, so that most routes pay nothing. */
  static compile(config: HeaderMutation, compileFormat: CompileFormat, where: string): HeaderEdits | undefined {
    if (config.add.length === 0 && config.remove.length === 0) return undefined;
    const add = config.add.map(({ name, value, action, keepsEmpty = false }) => {
      const constant = !value.includes('%');
      return {
        name: name.toLowerCase(),
        action,
        keepsEmpty,
        value: constant ? () => value : compileFormat(value, `${where}: header ${name}`, ''),
      };
    });
    return new HeaderEdits(
      add,
      config.remove.map((name) => name.toLowerCase()),
    );
  }

  apply(headers: Headers, record: LogRecord): void {
    for (const name of this.#remove) headers.remove(name);
    for (const { name, action, keepsEmpty, value } of this.#add) {
      const text = value(record);
      if (text === '' && !keepsEmpty) continue;
      if (action === 'append') headers.add(name, text);
      else if (action === 'overwrite') headers.set(name, text);
      else if ((headers.get(name) !== undefined) === (action === 'overwrite-if-exists')) headers.set(name, text);
    }
  }
}
