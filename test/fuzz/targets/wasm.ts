import { frameProtocol } from '@sofamesh/protocols/shared/frame-protocol';
import { compileGuest } from '@sofamesh/protocols/shared/wasm/guest';
import { tokenFrame, tokenGuest } from '@sofamesh/protocols/shared/wasm/test-support/token-guest';
import { wasmFormat } from '@sofamesh/protocols/shared/wasm/wasm-format';
import type { FuzzTarget } from '../target.ts';
import { clientTarget, serverTarget } from './codecs.ts';

const options = { name: 'tokens', origin: 'tokens.wasm', headBytes: 16, exclusive: false, log: () => {} };
const protocol = frameProtocol(wasmFormat({ ...options, module: compileGuest(tokenGuest(), 32) }));
const samples = {
  protocol,
  tokens: [tokenFrame('heartbeat', 1), '\xa7\x00', '\xa7\x05', '\xff\xff\xff\xff', '\0\0\0\0'],
};

/** A guest that traps on some inputs and talks nonsense on others. */
export const wasmTargets: readonly FuzzTarget[] = [
  serverTarget('wasm-server', samples, () => [
    tokenFrame('request', 1, { token: 'a token', method: 2 }),
    Buffer.concat([tokenFrame('request', 1), tokenFrame('one-way', 2, { token: 'x' }), tokenFrame('heartbeat', 3)]),
    tokenFrame('nonsense', 4),
    tokenFrame('read-only', 5),
  ]),
  clientTarget('wasm-client', samples, [tokenFrame('request', 1), tokenFrame('request', 2)], () => [
    Buffer.concat([tokenFrame('reply', 2, { status: 3 }), tokenFrame('reply', 1, { token: 'a token' })]),
    tokenFrame('trap', 1),
  ]),
];
