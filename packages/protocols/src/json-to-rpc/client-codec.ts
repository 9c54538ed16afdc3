import { CodedError } from '@sofamesh/base/errors';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
  Protocol,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import type { CallForm } from '../shared/conversion/call-form.ts';
import { formOf } from '../shared/conversion/native-codecs.ts';
import type { RuleIndex } from '../shared/conversion/rule-index.ts';
import { type ConversionSettings, rulesOf } from '../shared/conversion/settings.ts';
import { ConvertedRequest } from './converted-request.ts';

/** Everything but the requests themselves is left to the codec of the protocol that the hosts speak. */
export class ConvertingClientCodec implements ClientCodec {
  readonly connection: Connection;
  readonly host: ClientHost;
  readonly limits: CodecLimits;
  readonly protocol: Protocol;
  readonly form: CallForm;
  readonly rules: RuleIndex;
  readonly #inner: ClientCodec;

  constructor(
    protocols: ReadonlyMap<string, Protocol>,
    connection: Connection,
    host: ClientHost,
    { limits, settings }: CodecOptions,
  ) {
    const name = (settings as Partial<ConversionSettings> | undefined)?.protocol ?? '';
    const protocol = protocols.get(name);
    const form = formOf(name);
    if (protocol === undefined || form === undefined)
      throw new CodedError('bad_settings', `no calls can be made in "${name}"`);
    this.connection = connection;
    this.host = host;
    this.limits = limits;
    this.protocol = protocol;
    this.form = form;
    this.rules = rulesOf(settings);
    this.#inner = protocol.createClientCodec(connection, host, { limits });
  }

  get available(): number {
    return this.#inner.available;
  }

  get retired(): boolean {
    return this.#inner.retired;
  }

  get activeStreams(): number {
    return this.#inner.activeStreams;
  }

  get heldBytes(): number {
    return this.#inner.heldBytes;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const request = new ConvertedRequest(this, handler);
    request.call = this.#inner.openStream(request);
    return request;
  }

  sendHeartbeat(): boolean {
    return this.#inner.sendHeartbeat();
  }

  receive(chunk: Buffer): void {
    this.#inner.receive(chunk);
  }

  receiveEnd(): void {
    this.#inner.receiveEnd();
  }

  connectionClosed(cause: CloseCause): void {
    this.#inner.connectionClosed(cause);
  }

  connectionWritable(): void {
    this.#inner.connectionWritable();
  }

  detach(): Buffer | undefined {
    return this.#inner.detach();
  }
}
