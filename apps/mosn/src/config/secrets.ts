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
import type { ConfigSource } from '@sofamesh/api/gen/envoy/config/core/v3/config_source_pb';
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

type SecretKind = 'tlsCertificate' | 'validationContext' | 'sessionTicketKeys';

interface SecretKinds {
  readonly tlsCertificate: TlsCertificate;
  readonly validationContext: CertificateValidationContext;
  readonly sessionTicketKeys: TlsSessionTicketKeys;
}

/** Secrets that are named and not written out: static ones of the bootstrap, and those in files. */
export class Secrets {
  readonly #byName: ReadonlyMap<string, Secret>;
  /** Told of every file that is read. */
  readonly #onFile: (path: string) => void;

  constructor(secrets: readonly Secret[], onFile: (path: string) => void = () => {}) {
    this.#byName = new Map(secrets.map((secret) => [secret.name, secret]));
    this.#onFile = onFile;
  }

  /** The same secrets for one resource: `onFile` is told which files it depends on. */
  reportingTo(onFile: (path: string) => void): Secrets {
    return new Secrets([...this.#byName.values()], onFile);
  }

  /** Throws a FieldError where the secret is not there, of another kind, or comes from somewhere that is not supported. */
  get<Kind extends SecretKind>(kind: Kind, { name, sdsConfig }: SdsSecretConfig, path: string): SecretKinds[Kind] {
    const secret = sdsConfig === undefined ? this.#byName.get(name) : this.#fromSource(name, sdsConfig, path);
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

  #fromSource(name: string, source: ConfigSource, path: string): Secret | undefined {
    const specifier = source.configSourceSpecifier;
    switch (specifier.case) {
      case 'pathConfigSource':
        return this.#fromFile(name, specifier.value.path, `${path}.sds_config.path_config_source.path`);
      case 'path':
        return this.#fromFile(name, specifier.value, `${path}.sds_config.path`);
      default:
        throw new FieldError(
          `${path}.sds_config`,
          specifier.case && snake(specifier.case),
          'secrets by SDS over gRPC are not supported; name one of static_resources.secrets, or a file',
        );
    }
  }

  /** A file with a discovery response: `resources: [{"@type": …Secret, name: …}]`, YAML or JSON. */
  #fromFile(name: string, file: string, path: string): Secret {
    this.#onFile(file);
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
        if (source?.specifier.case === 'filename') this.#onFile(source.specifier.value);
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
