import { boltWire } from './bolt-wire.ts';
import { dubboThriftWire } from './dubbo-thrift-wire.ts';
import { dubboWire } from './dubbo-wire.ts';
import { exampleWire } from './example-wire.ts';
import { hsfWire } from './hsf-wire.ts';
import type { RpcWire } from './rpc-wire.ts';
import { tarsWire } from './tars-wire.ts';
import { thriftWire } from './thrift-wire.ts';

/** Every RPC protocol that there is. */
export const rpcProtocols = ['bolt', 'dubbo', 'thrift', 'dubbo-thrift', 'tars', 'hsf', 'example'] as const;
export type RpcProtocolName = (typeof rpcProtocols)[number];

export type SimProtocol = 'http1' | RpcProtocolName;

export const rpcWires: Readonly<Record<RpcProtocolName, RpcWire>> = {
  bolt: boltWire,
  dubbo: dubboWire,
  thrift: thriftWire,
  'dubbo-thrift': dubboThriftWire,
  tars: tarsWire,
  hsf: hsfWire,
  example: exampleWire,
};

/** Undefined: HTTP. */
export function wireOf(protocol: SimProtocol): RpcWire | undefined {
  return protocol === 'http1' ? undefined : rpcWires[protocol];
}
