import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { EditableHeaders } from '../editable-headers.ts';

type Entries = readonly (readonly [name: string, value: string])[];

/** Headers that the proxy made, and that may be edited like any others. */
class MadeHeaders extends EditableHeaders {
  readonly protocol = 'HTTP/1.1';
  readonly wholeBytes = 0;
  body: Buffer | undefined = undefined;
  readonly #entries: Entries;

  constructor(entries: Entries) {
    super();
    this.#entries = entries;
  }

  protected receivedValue(name: string): string | undefined {
    const values = this.#entries.filter(([each]) => each === name);
    return values.length === 0 ? undefined : values.map(([, value]) => value).join(',');
  }

  protected visitReceived(visitor: (name: string, value: string) => void): void {
    for (const [name, value] of this.#entries) visitor(name, value);
  }
}

/** The request that a call became. */
export class MadeRequestHead extends MadeHeaders implements RequestHead {
  method: string;
  authority: string;
  path: string;
  scheme = '';
  readonly oneWay = false;
  readonly timeoutMs = 0;
  readonly upgrade = undefined;

  constructor(method: string, authority: string, path: string, entries: Entries) {
    super(entries);
    this.method = method;
    this.authority = authority;
    this.path = path;
  }
}

/** The answer of HTTP that a reply became. */
export class MadeResponseHead extends MadeHeaders implements ResponseHead {
  status: number;
  readonly nativeStatus: number;
  readonly applicationError: boolean;

  constructor(status: number, entries: Entries, nativeStatus = status, applicationError = false) {
    super(entries);
    this.status = status;
    this.nativeStatus = nativeStatus;
    this.applicationError = applicationError;
  }
}
