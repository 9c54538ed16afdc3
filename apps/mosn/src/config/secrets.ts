import { readFileSync } from 'node:fs';
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { DataSource } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { ApiVersion, type ConfigSource } from '@sofamesh/api/gen/envoy/config/core/v3/config_source_pb';
import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  type TlsCertificate,
  type TlsSessionTicketKeys,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import {
  type SdsSecretConfig,
  type Secret,
  SecretSchema,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { messageOf } from '@sofamesh/base/errors';
import { FieldError, snake } from './fields.ts';
import { loadText } from './load-text.ts';
import { type ReceivedSecrets, type SecretReference, type SecretService, secretReference } from './secret-reference.ts';

type SecretKind = 'tlsCertificate' | 'validationContext' | 'sessionTicketKeys';

interface SecretKinds {
  readonly tlsCertificate: TlsCertificate;
  readonly validationContext: CertificateValidationContext;
  readonly sessionTicketKeys: TlsSessionTicketKeys;
}

/** What secrets of a resource are read from, besides the resource itself. */
export interface SecretSources {
  readonly files: string[];
  readonly references: SecretReference[];
}

/** What a secret is that has not come yet. */
export const notYet = Symbol('a secret that has not come yet');

/** Secrets that are named and not written out: static ones of the bootstrap, those in files, and those of control planes. */
export class Secrets {
  readonly #byName: ReadonlyMap<string, Secret>;
  readonly #received: ReceivedSecrets;
  /** Refuses a service that cannot be asked; throws a FieldError. */
  readonly #checkService: (service: SecretService) => void;
  readonly #sources: SecretSources | undefined;

  constructor(
    secrets: readonly Secret[] | ReadonlyMap<string, Secret>,
    received: ReceivedSecrets = new Map(),
    checkService: (service: SecretService) => void = () => {},
    sources?: SecretSources,
  ) {
    this.#byName =
      secrets instanceof Map ? secrets : new Map((secrets as readonly Secret[]).map((secret) => [secret.name, secret]));
    this.#received = received;
    this.#checkService = checkService;
    this.#sources = sources;
  }

  /** The static ones. */
  get all(): readonly Secret[] {
    return [...this.#byName.values()];
  }

  /** The same static secrets beside those that a control plane sends. */
  withReceived(received: ReceivedSecrets, checkService: (service: SecretService) => void): Secrets {
    return new Secrets(this.#byName, received, checkService);
  }

  /** The same secrets for one resource: `sources` gets what it depends on. */
  reportingTo(sources: SecretSources): Secrets {
    return new Secrets(this.#byName, this.#received, this.#checkService, sources);
  }

  /**
   * {@link notYet} where a control plane has not sent it. Throws a FieldError where the secret is not there, of another kind, or comes
   * from somewhere that is not supported.
   */
  get<Kind extends SecretKind>(
    kind: Kind,
    { name, sdsConfig }: SdsSecretConfig,
    path: string,
  ): SecretKinds[Kind] | typeof notYet {
    const secret = sdsConfig === undefined ? this.#byName.get(name) : this.#fromSource(name, sdsConfig, path);
    if (secret === notYet) return notYet;
    if (secret === undefined) throw new FieldError(`${path}.name`, name, 'is not one of static_resources.secrets');
    if (secret.type.case !== kind) {
      throw new FieldError(
        `${path}.name`,
        name,
        `is a ${snake(secret.type.case ?? 'secret without content')}, not a ${snake(kind)}`,
      );
    }
    return secret.type.value as SecretKinds[Kind];
  }

  #fromSource(name: string, source: ConfigSource, path: string): Secret | typeof notYet {
    const specifier = source.configSourceSpecifier;
    const at = `${path}.sds_config`;
    switch (specifier.case) {
      case 'pathConfigSource':
        return this.#fromFile(name, specifier.value.path, `${at}.path_config_source.path`);
      case 'path':
        return this.#fromFile(name, specifier.value, `${at}.path`);
      default:
        return this.#fromControlPlane(name, source, at);
    }
  }

  #fromControlPlane(name: string, source: ConfigSource, path: string): Secret | typeof notYet {
    const reference = secretReference(name, source, path);
    if (reference === undefined) {
      const given = source.configSourceSpecifier.case;
      throw new FieldError(path, given && snake(given), 'must be ads, api_config_source or path_config_source');
    }
    if (source.resourceApiVersion === ApiVersion.V2)
      throw new FieldError(`${path}.resource_api_version`, 'V2', 'must be V3');
    if (name === '') throw new FieldError(`${path.replace(/\.sds_config$/, '')}.name`, '', 'must not be empty');
    if (reference.service !== undefined) this.#checkService(reference.service);
    const references = this.#sources?.references;
    if (!references?.some(({ id }) => id === reference.id)) references?.push(reference);
    return this.#received.get(reference.id) ?? notYet;
  }

  /** A file with a discovery response: `resources: [{"@type": …Secret, name: …}]`, YAML or JSON. */
  #fromFile(name: string, file: string, path: string): Secret {
    this.#sources?.files.push(file);
    let resources: readonly JsonValue[];
    try {
      resources = resourcesOf(loadText(readFileSync(file, 'utf8'), file));
    } catch (thrown) {
      throw new FieldError(path, file, messageOf(thrown), { cause: thrown });
    }
    for (const [at, resource] of resources.entries()) {
      const secret = readSecret(resource, `${path}: ${file}: resources[${at}]`);
      if (secret.name !== name && (secret.name !== '' || resources.length > 1)) continue;
      for (const source of sourcesOf(secret))
        if (source?.specifier.case === 'filename') this.#sources?.files.push(source.specifier.value);
      return secret;
    }
    throw new FieldError(path, file, `has no secret ${JSON.stringify(name)}`);
  }
}

export const noSecrets = new Secrets([]);

/** Where the parts of a secret may be. */
function sourcesOf({ type }: Secret): readonly (DataSource | undefined)[] {
  switch (type.case) {
    case 'tlsCertificate': {
      const { certificateChain, privateKey, password, ocspStaple } = type.value;
      return [certificateChain, privateKey, password, ocspStaple];
    }
    case 'validationContext':
      return [type.value.trustedCa, type.value.crl];
    case 'sessionTicketKeys':
      return type.value.keys;
    default:
      return [];
  }
}

function resourcesOf(document: JsonValue): readonly JsonValue[] {
  const resources =
    typeof document === 'object' && document !== null && !Array.isArray(document) && document['resources'];
  return Array.isArray(resources) ? resources : [];
}

function readSecret(resource: JsonValue, path: string): Secret {
  if (typeof resource !== 'object' || resource === null || Array.isArray(resource)) {
    throw new FieldError(path, undefined, 'must be a secret');
  }
  const { '@type': type, ...json } = resource;
  if (typeof type !== 'string' || !type.endsWith(`/${SecretSchema.typeName}`)) {
    throw new FieldError(`${path}.@type`, type, `must be type.googleapis.com/${SecretSchema.typeName}`);
  }
  try {
    return fromJson(SecretSchema, json);
  } catch {
    // The parser's own message quotes what it could not read, which may be a key.
    throw new FieldError(path, undefined, 'is no secret that can be read');
  }
}

/** `base` with `more` on top, as protobuf merges messages: lists one after the other, the rest replaced where given. */
export function mergeValidation(
  base: CertificateValidationContext | undefined,
  more: CertificateValidationContext,
): CertificateValidationContext {
  return base === undefined ? more : mergeMessages(CertificateValidationContextSchema, base, more);
}

function mergeMessages<Desc extends DescMessage>(
  schema: Desc,
  base: MessageShape<Desc>,
  more: MessageShape<Desc>,
): MessageShape<Desc> {
  return fromBinary(schema, Buffer.concat([toBinary(schema, base), toBinary(schema, more)]));
}
