import { CodedError } from '@sofamesh/base/errors';
import type { Connection } from '@sofamesh/contract/transport';
import type { FilterChainMatch } from '../config/listener.ts';
import { addressBytes, IpPrefix } from './ip-prefix.ts';

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
  readonly source: readonly number[] | undefined;
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
  ({ sources }, { source }) => longestPrefix(sources, source),
];

interface CompiledMatch {
  readonly match: FilterChainMatch;
  readonly destinations: readonly IpPrefix[];
  readonly sources: readonly IpPrefix[];
  /** Of the chain. */
  readonly index: number;
}

/** Finds the filter chain for a connection. */
export class ChainMatcher {
  readonly #chains: readonly CompiledMatch[];

  /** Throws a CodedError when a range is none or when two chains match the same. */
  constructor(matches: readonly FilterChainMatch[]) {
    const seen = new Map<string, number>();
    this.#chains = matches.map((match, index) => {
      const where = `filter_chains[${index}].filter_chain_match`;
      const key = JSON.stringify(match);
      const same = seen.get(key);
      if (same !== undefined) {
        throw new CodedError('duplicate_match', `${where}: matches the same connections as filter_chains[${same}]`);
      }
      seen.set(key, index);
      return {
        match,
        index,
        destinations: match.destinationPrefixes.map((text) => IpPrefix.parse(text, `${where}.prefix_ranges`)),
        sources: match.sourcePrefixes.map((text) => IpPrefix.parse(text, `${where}.source_prefix_ranges`)),
      };
    });
  }

  /** Index of the chain that fits best; -1 when none does. */
  match({ local, remote }: Connection, inspected: Inspected): number {
    const facts: Facts = {
      ...inspected,
      destinationPort: local.kind === 'ip' ? local.port : undefined,
      destination: local.kind === 'ip' ? addressBytes(local.host) : undefined,
      source: remote.kind === 'ip' ? addressBytes(remote.host) : undefined,
    };
    let left = this.#chains;
    for (const criterion of criteria) left = bestBy(criterion, left, facts);
    return left[0]?.index ?? -1;
  }
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
