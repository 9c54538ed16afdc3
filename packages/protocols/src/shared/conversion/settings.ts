import { CodedError } from '@sofamesh/base/errors';
import type { CodecOptions } from '@sofamesh/contract/protocol';
import type { Mapping } from './mapping.ts';
import { RuleIndex } from './rule-index.ts';

/** Plain data from the cluster's configuration, by the name of the codec that converts. */
export interface ConversionSettings {
  /** json-to-rpc: what the hosts speak. */
  readonly protocol: string;
  readonly mapping: Mapping;
  /** rpc-to-json: for the codec of HTTP. Absent: defaults. */
  readonly http?: CodecOptions;
}

/** Connections of a cluster have the same settings, which are compiled once. */
const compiled = new WeakMap<object, RuleIndex>();

/** The rules of some settings. Throws `bad_settings` where there are none. */
export function rulesOf(settings: unknown): RuleIndex {
  const { mapping } = (settings ?? {}) as Partial<ConversionSettings>;
  if (mapping === undefined) throw new CodedError('bad_settings', 'a conversion needs a mapping');
  let rules = compiled.get(mapping);
  if (rules === undefined) {
    rules = new RuleIndex(mapping);
    compiled.set(mapping, rules);
  }
  return rules;
}
