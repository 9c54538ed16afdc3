import { boltFormat } from './bolt.ts';
import { dubboFormat } from './dubbo.ts';
import type { RpcFormat } from './frame.ts';

export const rpcFormats = { bolt: boltFormat, dubbo: dubboFormat } as const;
export type RpcProtocol = keyof typeof rpcFormats;

/** Of the protocol that a command line names. Throws an Error on another name. */
export function formatNamed(name: string | undefined): RpcFormat {
  if (name !== 'bolt' && name !== 'dubbo') throw new Error(`${name}: neither bolt nor dubbo`);
  return rpcFormats[name];
}
