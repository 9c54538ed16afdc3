import { CodedError } from '@sofamesh/base/errors';
import type {
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
  Protocol,
} from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { ClientCodecLayer } from '../shared/client-codec-layer.ts';
import type { CallForm } from '../shared/conversion/call-form.ts';
import { formOf } from '../shared/conversion/native-codecs.ts';
import type { RuleIndex } from '../shared/conversion/rule-index.ts';
import { type ConversionSettings, rulesOf } from '../shared/conversion/settings.ts';
import { ConvertedRequest } from './converted-request.ts';

/** Everything but the requests themselves is left to the codec of the protocol that the hosts speak. */
export class ConvertingClientCodec extends ClientCodecLayer {
  readonly connection: Connection;
  readonly host: ClientHost;
  readonly limits: CodecLimits;
  readonly protocol: Protocol;
  readonly form: CallForm;
  readonly rules: RuleIndex;

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
    super(protocol.createClientCodec(connection, host, { limits }));
    this.connection = connection;
    this.host = host;
    this.limits = limits;
    this.protocol = protocol;
    this.form = form;
    this.rules = rulesOf(settings);
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const request = new ConvertedRequest(this, handler);
    request.call = this.inner.openStream(request);
    return request;
  }
}
