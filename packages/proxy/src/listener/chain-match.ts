import { CodedError } from '@sofamesh/base/errors';
import type { Connection } from '@sofamesh/contract/transport';
import type { FilterChainMatch } from '../config/listener.ts';
import { addressBytes, IpPrefix, isSameIpOrLoopback } from './ip-prefix.ts';

/** What the first bytes of a connection, or its TLS session, have told. */
export interface Inspected {
  readonly transportProtocol: 'raw_buffer' | 'tls';
  /** Lower case; empty when the client named none. */
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

interface Facts extends Inspected {
  readonly destinationPort: number | undefined;
  readonly destination: readonly number[] | undefined;
  readonly directSource: readonly number[] | undefined;
  readonly sourceType: FilterChainMatch['sourceType'];
  readonly source: readonly number[] | undefined;
  readonly sourcePort: number | undefined;
}

/** How well a chain fits by one criterion: negative not at all, 0 because it does not ask, else the more the better. */
type Criterion = (match: CompiledMatch, facts: Facts) => number;

/** In Envoy's order: each one leaves only the chains that fit best, and there is no way back. */
const criteria: readonly Criterion[] = [
  ({ match }, { destinationPort }) =>
    match.destinationPort === undefined ? 0 : match.destinationPort === destinationPort ? 1 : -1,
  ({ destinations }, { destination }) => longestPrefix(destinations, destination),
  ({ match }, { serverName }) => bestServerName(match.serverNames, serverName),
  ({ match }, { transportProtocol }) =>
    match.transportProtocol === undefined ? 0 : match.transportProtocol === transportProtocol ? 1 : -1,
  ({ match }, { applicationProtocols }) => {
    if (match.applicationProtocols.length === 0) return 0;
    return match.applicationProtocols.some((protocol) => applicationProtocols.includes(protocol)) ? 1 : -1;
  },
  ({ directSources }, { directSource }) => longestPrefix(directSources, directSource),
  ({ match }, { sourceType }) => (match.sourceType === 'any' ? 0 : match.sourceType === sourceType ? 1 : -1),
  ({ sources }, { source }) => longestPrefix(sources, source),
  ({ match }, { sourcePort }) => {
    if (match.sourcePorts.length === 0) return 0;
    return sourcePort !== undefined && match.sourcePorts.includes(sourcePort) ? 1 : -1;
  },
];

interface CompiledMatch {
  readonly match: FilterChainMatch;
  readonly destinations: readonly IpPrefix[];
  readonly directSources: readonly IpPrefix[];
  readonly sources: readonly IpPrefix[];
  /** Of the chain. */
  readonly index: number;
}

type Endpoints = Pick<Connection, 'local' | 'remote' | 'directRemote'>;

/** Finds the filter chain for a connection. */
export class ChainMatcher {
  readonly #chains: readonly CompiledMatch[];

  /** Throws a CodedError when a range is none or when two chains could match the same equally well. */
  constructor(matches: readonly FilterChainMatch[]) {
    const chains: CompiledMatch[] = [];
    for (const [index, match] of matches.entries()) {
      const where = `filter_chains[${index}].filter_chain_match`;
      const ranges = (texts: readonly string[], field: string) =>
        texts.map((text) => IpPrefix.parse(text, `${where}.${field}`));
      const chain: CompiledMatch = {
        match,
        index,
        destinations: ranges(match.destinationPrefixes, 'prefix_ranges'),
        directSources: ranges(match.directSourcePrefixes, 'direct_source_prefix_ranges'),
        sources: ranges(match.sourcePrefixes, 'source_prefix_ranges'),
      };
      const same = chains.find((other) => overlap(chain, other));
      if (same !== undefined) {
        throw new CodedError(
          'duplicate_match',
          `${where}: matches the same connections as filter_chains[${same.index}]`,
        );
      }
      chains.push(chain);
    }
    this.#chains = chains;
  }

  /** Index of the chain that fits best; -1 when none does. */
  match({ local, remote, directRemote = remote }: Endpoints, inspected: Inspected): number {
    const facts: Facts = {
      transportProtocol: inspected.transportProtocol,
      serverName: inspected.serverName,
      applicationProtocols: inspected.applicationProtocols,
      destinationPort: local.kind === 'ip' ? local.port : undefined,
      destination: local.kind === 'ip' ? addressBytes(local.host) : undefined,
      directSource: directRemote.kind === 'ip' ? addressBytes(directRemote.host) : undefined,
      sourceType: isSameIpOrLoopback(local, remote) ? 'same-ip-or-loopback' : 'external',
      source: remote.kind === 'ip' ? addressBytes(remote.host) : undefined,
      sourcePort: remote.kind === 'ip' ? remote.port : undefined,
    };
    let left = this.#chains;
    for (const criterion of criteria) left = bestBy(criterion, left, facts);
    return left[0]?.index ?? -1;
  }
}

/** By every criterion both ask for something in common, or neither asks: a connection could fit both equally well. */
function overlap(one: CompiledMatch, other: CompiledMatch): boolean {
  return (
    one.match.destinationPort === other.match.destinationPort &&
    one.match.transportProtocol === other.match.transportProtocol &&
    one.match.sourceType === other.match.sourceType &&
    shareOne(one.match.serverNames, other.match.serverNames) &&
    shareOne(one.match.applicationProtocols, other.match.applicationProtocols) &&
    shareOne(one.match.sourcePorts, other.match.sourcePorts) &&
    shareOne(one.destinations.map(String), other.destinations.map(String)) &&
    shareOne(one.directSources.map(String), other.directSources.map(String)) &&
    shareOne(one.sources.map(String), other.sources.map(String))
  );
}

function shareOne<Value>(ones: readonly Value[], others: readonly Value[]): boolean {
  if (ones.length === 0 || others.length === 0) return ones.length === others.length;
  return ones.some((one) => others.includes(one));
}

function bestBy(criterion: Criterion, chains: readonly CompiledMatch[], facts: Facts): readonly CompiledMatch[] {
  let best = 0;
  let kept: CompiledMatch[] = [];
  for (const chain of chains) {
    const fit = criterion(chain, facts);
    if (fit < best) continue;
    if (fit > best) kept = [];
    best = fit;
    kept.push(chain);
  }
  return kept;
}

function longestPrefix(prefixes: readonly IpPrefix[], address: readonly number[] | undefined): number {
  if (prefixes.length === 0) return 0;
  let longest = -1;
  for (const prefix of prefixes) {
    // A range of length 0 asks for nothing but the address family, and still more than no range.
    if (address !== undefined && prefix.contains(address)) longest = Math.max(longest, prefix.length + 1);
  }
  return longest;
}

/** Exact names before wildcards (`*.example.com`), long wildcards before short ones. */
function bestServerName(names: readonly string[], serverName: string): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const name of names) {
    if (name === serverName) return Number.MAX_SAFE_INTEGER;
    const suffix = name.startsWith('*') ? name.slice(1) : undefined;
    if (suffix !== undefined && serverName.length > suffix.length && serverName.endsWith(suffix)) {
      best = Math.max(best, suffix.length + 1);
    }
  }
  return best;
}
