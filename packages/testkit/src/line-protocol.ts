import type { Pooling, Protocol } from '@sofamesh/contract/protocol';
import { LineClientCodec } from './line-client-codec.ts';
import { LineServerCodec } from './line-server-codec.ts';

export interface LineProtocolOptions {
  readonly name: string;
  readonly pooling: Pooling;
  readonly messages: 'streamed' | 'whole';
}

/**
 * A protocol that people can read, for tests of what lies between codecs. Every line begins with the number of its
 * request; a dot behind the verb ends the message; text is percent-encoded:
 *
 *     streamed   1 REQ GET shop /a x=1     1 DAT hello      1 TRL. sum=5      1 RST remote-reset
 *                1 INF 103 a=b             1 RSP 200 y=2    1 DAT. bye
 *     whole      1 CALL. GET shop /a x=1 body               1 BACK. 200 y=2 body       1 TELL. … (one-way)
 *     both       0 PING → 0 PONG           0 BYE, 0 LAST (the client is asked to go)
 *
 * A header `timeout` is the message's own deadline, `upgrade` asks for a tunnel (status 101).
 */
export function lineProtocol({ name, pooling, messages }: LineProtocolOptions): Protocol {
  const whole = messages === 'whole';
  return {
    name,
    pooling,
    detect(prefix) {
      const text = prefix.toString('latin1');
      if (/^\d+ [A-Z]/.test(text)) return 'match';
      return /^\d* ?$/.test(text) ? 'more' : 'mismatch';
    },
    createServerCodec: (connection, host, options) => new LineServerCodec(connection, host, options, whole, name),
    createClientCodec: (connection, host, options) =>
      new LineClientCodec(connection, host, options, whole, pooling === 'exclusive'),
  };
}
