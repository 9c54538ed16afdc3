import type { Protocol } from '@sofamesh/contract/protocol';
import { BoltClientCodec } from './client-codec.ts';
import { FrameType } from './frame.ts';
import { BoltServerCodec } from './server-codec.ts';

/** bolt, versions 1 and 2: the protocol of SOFARPC. */
export const protocol: Protocol = {
  name: 'bolt',
  pooling: 'multiplexed',
  /** Two bytes decide for version 1, three for version 2: the version(s) and a type that a client begins with. */
  detect(prefix) {
    const [magic, second, third] = prefix;
    if (magic === undefined) return 'more';
    if (magic !== 1 && magic !== 2) return 'mismatch';
    if (magic === 2 && second !== undefined && second !== 1 && second !== 2) return 'mismatch';
    const type = magic === 1 ? second : third;
    if (type === undefined) return 'more';
    return type === FrameType.request || type === FrameType.oneWay ? 'match' : 'mismatch';
  },
  createServerCodec: (connection, host, options) => new BoltServerCodec(connection, host, options),
  createClientCodec: (connection, host, options) => new BoltClientCodec(connection, host, options),
};
