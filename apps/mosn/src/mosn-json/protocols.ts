import { nearWord } from '../config/near-word.ts';
import type { JsonFields } from './json-fields.ts';

export type HttpProtocol = 'Http1' | 'Http2';

/** RPC protocols by MOSN's names, and two that only this proxy has. One codec reads both versions of bolt. */
const rpcProtocols: Readonly<Record<string, string>> = {
  bolt: 'bolt',
  boltv2: 'bolt',
  dubbo: 'dubbo',
  'dubbo-thrift': 'dubbo-thrift',
  tars: 'tars',
  thrift: 'thrift',
  hsf: 'hsf',
};
/** What `Auto` looks for. */
const detected = ['bolt', 'dubbo', 'dubbo-thrift', 'tars'];
const httpProtocols: readonly HttpProtocol[] = ['Http1', 'Http2'];
const known = [...httpProtocols, ...Object.keys(rpcProtocols), 'X', 'Auto'];

/** What a listener takes, or what is spoken to hosts. */
export interface ProtocolSet {
  readonly http: readonly HttpProtocol[];
  /** By our names. */
  readonly rpc: readonly string[];
  /** `Auto`: whatever comes. */
  readonly auto: boolean;
}

export const allProtocols: ProtocolSet = {
  http: httpProtocols,
  rpc: detected,
  auto: true,
};

/**
 * One name, several joined by `,`, `Auto`, or the `X` of old with `sub_protocol` beside it. Undefined: not given, or
 * reported.
 */
export function readProtocols(
  fields: JsonFields,
  name: string,
  subProtocol: string | undefined,
): ProtocolSet | undefined {
  const text = fields.text(name);
  if (text === undefined) return undefined;
  const http = new Set<HttpProtocol>();
  const rpc = new Set<string>();
  const words = text.split(',').flatMap((word) => {
    const trimmed = word.trim();
    return trimmed === 'X' && subProtocol !== undefined ? subProtocol.split(',').map((sub) => sub.trim()) : [trimmed];
  });
  for (const word of words) {
    if (word === 'Auto') return allProtocols;
    const codec = Object.hasOwn(rpcProtocols, word) ? rpcProtocols[word] : undefined;
    if (codec !== undefined) rpc.add(codec);
    else if (word === 'Http1' || word === 'Http2') http.add(word);
    else {
      fields.refuse(name, reasonAgainst(word));
      return undefined;
    }
  }
  return { http: [...http], rpc: [...rpc], auto: false };
}

function reasonAgainst(word: string): string {
  if (word === 'X') return 'X needs extend_config.sub_protocol';
  const near = nearWord(word, known);
  const shownWord = word.length > 40 ? `${word.slice(0, 40)}…` : word;
  return near === undefined
    ? `${shownWord} is no protocol of this proxy; it has ${known.join(', ')}`
    : `${shownWord} is no protocol; did you mean ${near}?`;
}
