import { X509Certificate } from 'node:crypto';
import type { ServerCertificate } from '@sofamesh/contract/transport';
import { subjectAltNames } from './subject-alt-names.ts';

/** The certificates of a server by the names that they are for. */
export class ServerNames<Group> {
  readonly #byName = new Map<string, Group>();
  readonly #fallback: Group;

  /** `group` makes one of the certificates of a name, which are in their order. */
  constructor(
    certificates: readonly ServerCertificate[],
    group: (certificates: readonly ServerCertificate[]) => Group,
  ) {
    this.#fallback = group(certificates);
    if (certificates.length === 1) return;
    const byName = new Map<string, ServerCertificate[]>();
    for (const certificate of certificates) {
      for (const name of new Set(namesOf(certificate))) {
        const others = byName.get(name);
        if (others === undefined) byName.set(name, [certificate]);
        else others.push(certificate);
      }
    }
    for (const [name, some] of byName) this.#byName.set(name, group(some));
  }

  get groups(): readonly Group[] {
    return [this.#fallback, ...this.#byName.values()];
  }

  /** `serverName` is in lower case. The exact name goes before a wildcard of one label, and that before all others. */
  select(serverName: string): Group {
    const dot = serverName.indexOf('.');
    const wildcard = dot > 0 ? this.#byName.get(`*${serverName.slice(dot)}`) : undefined;
    return this.#byName.get(serverName) ?? wildcard ?? this.#fallback;
  }
}

/** Of the alternative names; of the subject where there are none, as in Envoy. */
function namesOf({ chainPem }: ServerCertificate): string[] {
  const { raw, subject } = new X509Certificate(chainPem);
  const names = subjectAltNames(raw).filter((entry) => entry.startsWith('DNS:'));
  if (names.length > 0) return names.map((entry) => entry.slice(4).toLowerCase());
  const common = /^CN=(.+)$/m.exec(subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
