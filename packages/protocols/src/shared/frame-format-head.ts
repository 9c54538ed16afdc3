import { CodedError } from '@sofamesh/base/errors';
import type { CallArgument, FrameEdits, FrameFormat } from '@sofamesh/contract/frame-format';
import type { RequestHead, ResponseHead } from '@sofamesh/contract/message';
import { EditableHeaders } from './editable-headers.ts';

/** What requests and responses of a {@link FrameFormat} have in common: headers are read when somebody asks, and once. */
abstract class FormatHead extends EditableHeaders {
  readonly format: FrameFormat;
  protected readonly frame: Buffer;
  #received: [name: string, value: string][] | undefined = undefined;
  /** These very bytes belong to a connection now; the next one gets a copy. */
  #written = false;
  #newBody: Buffer | undefined = undefined;

  constructor(format: FrameFormat, frame: Buffer) {
    super();
    this.format = format;
    this.frame = frame;
  }

  get protocol(): string {
    return this.format.name;
  }

  get wholeBytes(): number {
    return this.frame.length;
  }

  get body(): Buffer {
    return this.#newBody ?? this.format.body?.(this.frame) ?? this.frame;
  }

  set body(body: Buffer | undefined) {
    this.#newBody = body ?? Buffer.alloc(0);
    this.bodyChanged();
  }

  /** What was read of the body is no longer true. */
  protected bodyChanged(): void {}

  /** The frame under this id, to be passed to a connection. Undefined where what was edited cannot be said. */
  encode(id: number | bigint): Buffer | undefined {
    const { format } = this;
    if (this.#headersEdited || this.#newBody !== undefined || this.partsEdited) {
      const frame = this.#rebuild();
      return frame && format.writeId(frame, id);
    }
    const frame = this.#written ? Buffer.from(this.frame) : this.frame;
    this.#written = true;
    return format.writeId(frame, id);
  }

  /** So that the frame can say it. */
  get #headersEdited(): boolean {
    const { visitHeaders, rebuild } = this.format;
    return this.edits !== undefined && visitHeaders !== undefined && rebuild !== undefined;
  }

  /** More than headers and body is to change. */
  protected abstract readonly partsEdited: boolean;
  protected abstract readonly editedParts: Pick<FrameEdits, 'service' | 'method' | 'status'>;

  protected receivedValue(name: string): string | undefined {
    let found: string | undefined;
    this.visitReceived((each, value) => {
      if (each === name) found = found === undefined ? value : `${found},${value}`;
    });
    return found;
  }

  protected visitReceived(visitor: (name: string, value: string) => void): void {
    for (const [name, value] of this.#received ?? this.#readHeaders()) visitor(name, value);
  }

  /** Where the format throws, it does so to who asks first: the call fails, and its log has the headers read until then. */
  #readHeaders(): [name: string, value: string][] {
    const received: [string, string][] = [];
    this.#received = received;
    this.format.visitHeaders?.(this.frame, (name, value) => received.push([name, value]));
    return received;
  }

  #rebuild(): Buffer | undefined {
    const { format } = this;
    if (format.rebuild === undefined) {
      throw new CodedError('read_only_head', `a call of ${format.name} cannot be edited`);
    }
    const headers: [string, string][] = [];
    const edited = this.#headersEdited;
    if (edited) this.visit((name, value) => headers.push([name, value]));
    return format.rebuild(this.frame, {
      ...this.editedParts,
      headers: edited ? headers : undefined,
      body: this.#newBody,
    });
  }
}

/** A call as routes and filters see it. What every call is asked for is read at once, so that a broken one fails early. */
export class FormatRequestHead extends FormatHead implements RequestHead {
  method = 'POST';
  readonly oneWay: boolean;
  readonly timeoutMs: number;
  readonly #light: boolean;
  readonly #service: string;
  readonly #path: string;
  #newService: string | undefined = undefined;
  #newPath: string | undefined = undefined;

  constructor(format: FrameFormat, frame: Buffer, oneWay: boolean, light: boolean) {
    super(format, frame);
    this.oneWay = oneWay;
    this.#light = light;
    const timeoutMs = format.timeoutMs?.(frame) ?? 0;
    this.timeoutMs = timeoutMs > 0 ? timeoutMs : 0;
    this.#service = light ? '' : (format.service?.(frame) ?? '');
    this.#path = `/${light ? '' : (format.method?.(frame) ?? '')}`;
  }

  get scheme(): string {
    return this.format.name;
  }

  get upgrade(): undefined {
    return undefined;
  }

  get authority(): string {
    return this.#newService ?? this.#service;
  }

  set authority(authority: string) {
    this.#newService = authority === this.#service ? undefined : authority;
  }

  get path(): string {
    return this.#newPath ?? this.#path;
  }

  set path(path: string) {
    const whole = path.startsWith('/') ? path : `/${path}`;
    this.#newPath = whole === this.#path ? undefined : whole;
  }

  protected override visitReceived(visitor: (name: string, value: string) => void): void {
    if (!this.#light) super.visitReceived(visitor);
  }

  protected get partsEdited(): boolean {
    return this.#newService !== undefined || this.#newPath !== undefined;
  }

  protected get editedParts(): Pick<FrameEdits, 'service' | 'method' | 'status'> {
    return { service: this.#newService, method: this.#newPath?.slice(1), status: undefined };
  }
}

/** The same of a format that looks into bodies, which is done when somebody asks, and once. */
export class ArgumentRequestHead extends FormatRequestHead {
  #arguments: readonly CallArgument[] | undefined = undefined;

  argument(index: number): string | undefined {
    return this.#all()[index]?.value;
  }

  argumentOfId(id: number): string | undefined {
    return this.#all().find((each) => each.id === id)?.value;
  }

  protected override bodyChanged(): void {
    this.#arguments = undefined;
  }

  #all(): readonly CallArgument[] {
    this.#arguments ??= this.format.arguments!(this.frame, this.body);
    return this.#arguments;
  }
}

export class FormatResponseHead extends FormatHead implements ResponseHead {
  readonly nativeStatus: number;
  readonly #httpStatus: number;
  #newStatus: number | undefined = undefined;

  constructor(format: FrameFormat, frame: Buffer) {
    super(format, frame);
    this.nativeStatus = format.status?.(frame) ?? 0;
    this.#httpStatus = format.httpStatus?.(this.nativeStatus) ?? (this.nativeStatus === 0 ? 200 : 500);
  }

  get status(): number {
    return this.#newStatus ?? this.#httpStatus;
  }

  set status(status: number) {
    this.#newStatus = status === this.#httpStatus ? undefined : status;
  }

  get applicationError(): boolean {
    return this.format.applicationError?.(this.frame) ?? false;
  }

  protected get partsEdited(): boolean {
    return this.#newStatus !== undefined;
  }

  protected get editedParts(): Pick<FrameEdits, 'service' | 'method' | 'status'> {
    return { service: undefined, method: undefined, status: this.#newStatus };
  }
}

/** Heads of another protocol have no frame to relay. */
export function foreignHead(format: FrameFormat, head: RequestHead | ResponseHead): CodedError {
  return new CodedError('foreign_head', `a connection of ${format.name} cannot carry a head of ${head.protocol}`);
}
