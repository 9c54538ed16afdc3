import { CodedError } from '@sofamesh/base/errors';
import type { Random } from '@sofamesh/base/random';
import type { RequestHead } from '@sofamesh/contract/message';
import type { Stats } from '@sofamesh/contract/stats';
import type { RouteTableConfig } from '../config/route.ts';
import type { CompileFormat } from './header-edits.ts';
import { Route } from './route.ts';

type VirtualHost = readonly Route[];

interface Wildcard {
  readonly text: string;
  readonly host: VirtualHost;
}

/**
 * Virtual hosts and their routes, compiled and immutable: a new configuration is a new table. Domains are looked up as
 * Envoy does: exact, longest suffix wildcard (`*.example.com`), longest prefix wildcard (`example.*`), then `*`.
 */
export class RouteTable {
  readonly name: string;
  readonly version: string;
  readonly config: RouteTableConfig;
  readonly #exact = new Map<string, VirtualHost>();
  readonly #suffixes: Wildcard[] = [];
  readonly #prefixes: Wildcard[] = [];
  #fallback: VirtualHost | undefined;
  /** Most requests of a thread are for the host of the one before, and comparing is cheaper than looking up. */
  #lastAuthority: string | undefined = undefined;
  #lastHost: VirtualHost | undefined = undefined;

  /** Throws a CodedError that names the field when a regex, a format or a domain is not usable. */
  constructor(config: RouteTableConfig, compileFormat: CompileFormat, stats: Stats) {
    this.name = config.name;
    this.version = config.version;
    this.config = config;
    for (const [at, host] of config.virtualHosts.entries()) {
      const where = `route_configuration ${config.name}: virtual_hosts[${at}] (${host.name})`;
      const routes = host.routes.map(
        (route, index) => new Route(route, host, config, compileFormat, stats, `${where}.routes[${index}]`),
      );
      for (const domain of host.domains) this.#addDomain(domain.toLowerCase(), routes, where);
    }
    this.#suffixes.sort((a, b) => b.text.length - a.text.length);
    this.#prefixes.sort((a, b) => b.text.length - a.text.length);
  }

  #addDomain(domain: string, host: VirtualHost, where: string): void {
    const duplicate = () =>
      new CodedError('duplicate_domain', `${where}.domains: ${JSON.stringify(domain)} is already used`);
    if (domain === '*') {
      if (this.#fallback !== undefined) throw duplicate();
      this.#fallback = host;
    } else if (domain.startsWith('*')) {
      addWildcard(this.#suffixes, domain.slice(1), host, duplicate);
    } else if (domain.endsWith('*')) {
      addWildcard(this.#prefixes, domain.slice(0, -1), host, duplicate);
    } else {
      if (this.#exact.has(domain)) throw duplicate();
      this.#exact.set(domain, host);
    }
  }

  /** The first route that matches; undefined is 404. */
  match(head: RequestHead, random: Random): Route | undefined {
    const { authority } = head;
    if (authority !== this.#lastAuthority) {
      this.#lastHost = this.#virtualHost(authority);
      this.#lastAuthority = authority;
    }
    const host = this.#lastHost;
    if (host === undefined) return undefined;
    const full = head.path;
    const mark = full.indexOf('?');
    const path = mark < 0 ? full : full.slice(0, mark);
    const query = mark < 0 ? '' : full.slice(mark + 1);
    for (const route of host) if (route.match.matches(head, path, query, random)) return route;
    return undefined;
  }

  #virtualHost(authority: string): VirtualHost | undefined {
    const found = this.#exact.get(authority);
    if (found !== undefined) return found;
    let name = authority.toLowerCase();
    if (this.config.ignorePortInHost) name = withoutPort(name);
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    for (const { text, host } of this.#suffixes) if (name.length > text.length && name.endsWith(text)) return host;
    for (const { text, host } of this.#prefixes) if (name.length > text.length && name.startsWith(text)) return host;
    return this.#fallback;
  }
}

function addWildcard(wildcards: Wildcard[], text: string, host: VirtualHost, duplicate: () => CodedError): void {
  if (wildcards.some((each) => each.text === text)) throw duplicate();
  wildcards.push({ text, host });
}

function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon > authority.lastIndexOf(']') && colon >= 0 ? authority.slice(0, colon) : authority;
}
