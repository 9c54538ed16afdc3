import type { Protocol } from '@sofamesh/contract/protocol';
import { DubboClientCodec } from './client-codec.ts';
import { DubboServerCodec } from './server-codec.ts';

/** Dubbo 2's protocol, which Dubbo 2.7 and 3 speak on `dubbo://`. */
export const protocol: Protocol = {
  name: 'dubbo',
  pooling: 'multiplexed',
  detect(prefix) {
    if (prefix.length === 0) return 'more';
    if (prefix[0] !== 0xda) return 'mismatch';
    if (prefix.length === 1) return 'more';
    return prefix[1] === 0xbb ? 'match' : 'mismatch';
  },
  createServerCodec: (connection, host, options) => new DubboServerCodec(connection, host, options),
  createClientCodec: (connection, host, options) => new DubboClientCodec(connection, host, options),
};
