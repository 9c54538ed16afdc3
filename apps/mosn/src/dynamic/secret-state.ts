import type { Secret } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { ReceivedResource, ResourceError } from '@sofamesh/xds/client/ads-client';
import { secretTypeUrl } from '@sofamesh/xds/type-urls';
import { readControlPlane } from '../config/control-plane.ts';
import { FieldError } from '../config/fields.ts';
import { readVerification } from '../config/peer-verification.ts';
import { type SecretReference, type SecretService, secretId } from '../config/secret-reference.ts';
import { readTicketKeys } from '../config/ticket-key.ts';
import { readCertificate } from '../config/tls-certificate.ts';
import { decodeResponse } from './decode.ts';
import { Entry } from './entry.ts';
import { NamedSubscription } from './named-subscription.ts';
import type { SecretServiceLink, StateContext } from './state-environment.ts';

type Context = Pick<StateContext, 'logger' | 'stats' | 'clock' | 'subscriptions' | 'openSecretService'>;

/** Where secrets of one server come from. */
interface Source {
  readonly subscription: NamedSubscription;
  readonly link: SecretServiceLink | undefined;
}

export interface AppliedSecrets {
  readonly errors: readonly ResourceError[];
  /** Ids of the references whose secret is new. */
  readonly changed: ReadonlySet<string>;
}

/** Secrets of control planes: those that resources need are asked for, and a bad one leaves the last good one in use. */
export class SecretState {
  /** By the ids of the references; an entry is there from the first answer on. */
  readonly entries = new Map<string, Entry<Secret>>();
  /** The same object at all times. */
  readonly received = new Map<string, Secret>();
  /** What is asked for, by its id. */
  #references = new Map<string, SecretReference>();
  /** By the ids of services; undefined is ADS. */
  readonly #sources = new Map<string | undefined, Source>();
  readonly #open: (service: SecretService) => SecretServiceLink;
  readonly #context: Context;

  /** `open`: throws a FieldError where the service cannot be asked. */
  constructor(context: Context, open: (service: SecretService) => SecretServiceLink) {
    this.#context = context;
    this.#open = open;
  }

  /** Names that are asked for and have not come. */
  get awaited(): readonly SecretReference[] {
    return [...this.#references.values()].filter(({ id }) => !this.received.has(id));
  }

  /** Asks for these from now on, and for no others. */
  require(references: readonly SecretReference[]): void {
    const before = this.#references;
    this.#references = new Map(references.map((reference) => [reference.id, reference]));
    for (const [id] of before) if (!this.#references.has(id)) this.#forget(id);
    const services = new Map([...before.values(), ...references].map(({ service }) => [service?.id, service]));
    for (const [serviceId, service] of services) {
      const wanted = references.filter((reference) => reference.service?.id === serviceId);
      this.#sourceOf(service)?.subscription.replace(new Set(wanted.map(({ name }) => name)));
      if (wanted.length === 0) this.#close(serviceId);
    }
  }

  /** `service`: the id of the one that answers; undefined: ADS. */
  apply(service: string | undefined, versionInfo: string, received: readonly ReceivedResource[]): AppliedSecrets {
    const { clock, logger, stats } = this.#context;
    const nowMs = clock.wallMs();
    const ignored = (path: string) => logger.debug('a field has no effect', { path });
    const check = (secret: Secret) => checkSecret(secret, ignored);
    const { resources, errors } = decodeResponse(SecretSchema, ({ name }) => name, check, received, versionInfo, nowMs);
    const changed = new Set<string>();
    for (const { name, stored } of resources) {
      const id = secretId(name, service);
      if (!this.#references.has(id)) continue;
      const entry = this.entries.get(id) ?? new Entry<Secret>(name, false);
      this.entries.set(id, entry);
      if (stored === undefined) {
        const details = errors.find((error) => error.name === name)?.reason ?? '';
        entry.failure = { versionInfo, lastAttemptMs: nowMs, details };
        stats.counter(`sds.${name}.update_rejected`).increment();
        continue;
      }
      entry.failure = undefined;
      if (stored.contentVersion === entry.active?.contentVersion) continue;
      entry.active = stored;
      this.received.set(id, stored.read);
      changed.add(id);
      stats.counter(`sds.${name}.update_success`).increment();
    }
    return { errors, changed };
  }

  stop(): void {
    for (const { link } of this.#sources.values()) link?.stop();
    this.#sources.clear();
  }

  #sourceOf(service: SecretService | undefined): Source | undefined {
    const found = this.#sources.get(service?.id);
    if (found !== undefined) return found;
    const link = service && this.#open(service);
    const subscription = new NamedSubscription(secretTypeUrl, link ?? this.#context.subscriptions);
    const source = { subscription, link };
    this.#sources.set(service?.id, source);
    return source;
  }

  #close(service: string | undefined): void {
    this.#sources.get(service)?.link?.stop();
    this.#sources.delete(service);
  }

  #forget(id: string): void {
    this.entries.delete(id);
    this.received.delete(id);
  }
}

/** The secret itself, when it can be used by somebody. Throws a FieldError. */
function checkSecret(secret: Secret, ignored: (path: string) => void): Secret {
  const { type, name } = secret;
  switch (type.case) {
    case 'tlsCertificate':
      readCertificate(type.value, name, 'tls_certificate', ignored);
      return secret;
    case 'validationContext':
      // Names without an authority may be meant for a context that has one.
      if (type.value.trustedCa !== undefined) readVerification(type.value, 'validation_context');
      return secret;
    case 'sessionTicketKeys':
      readTicketKeys(type.value, 'session_ticket_keys');
      return secret;
    case 'genericSecret':
      return secret;
    case undefined:
      throw new FieldError(
        'type',
        undefined,
        'must be one of tls_certificate, validation_context, session_ticket_keys',
      );
  }
}

/** The server of a service, which the bootstrap's clusters must have. Throws a FieldError. */
export function serverOf(
  { source, path }: SecretService,
  clusters: Parameters<typeof readControlPlane>[1],
): ReturnType<typeof readControlPlane> {
  return readControlPlane(source, clusters, path, () => {});
}
