import type { RpcProtocol } from './rpc/formats.ts';
import type { Entrant, Scenario } from './scenarios.ts';

const shapes = [
  { ending: '1', connections: 1, inFlight: 1 },
  { ending: '64', connections: 1, inFlight: 64 },
  { ending: '256', connections: 1, inFlight: 256 },
  { ending: '16x4', connections: 16, inFlight: 4 },
];
const direct: Entrant = { name: 'direct', proxy: 'direct' };
const pacedCallsPerSecond = 2_000;

/** Every service level beside MOSN, Envoy and no proxy. */
const oneHop: readonly Entrant[] = [
  { name: 'mosn', proxy: 'mosn', level: 'FULL' },
  { name: 'mosn-light', proxy: 'mosn', level: 'LIGHT' },
  { name: 'mosn-relay', proxy: 'mosn', level: 'RELAY' },
  { name: 'mosn-go', proxy: 'mosn-go' },
  { name: 'envoy', proxy: 'envoy' },
  direct,
];

/** A mosn before the client and one before the server. */
const twoHops: readonly Entrant[] = [
  { name: 'mosn', proxy: 'mosn', link: 'plain' },
  { name: 'mosn-mtls', proxy: 'mosn', link: 'mtls' },
  { name: 'mosn-http2', proxy: 'mosn', link: 'http2' },
  direct,
];

const protocols = [
  { protocol: 'bolt', title: 'bolt', envoy: "Envoy's TCP proxy" },
  { protocol: 'dubbo', title: 'Dubbo', envoy: "Envoy's dubbo_proxy" },
] as const;

export const rpcScenarios: readonly Scenario[] = protocols.flatMap(({ protocol, title, envoy }) => [
  ...shapes.map(({ ending, connections, inFlight }): Scenario => {
    const across =
      connections === 1
        ? `one connection, ${inFlight} in flight`
        : `${connections} connections, ${inFlight} in flight on each`;
    return {
      ...observed(protocol),
      name: `${protocol}-${ending}`,
      title: `${title}, 1 KiB each way, ${across}; mosn at FULL, LIGHT and RELAY, ${envoy}`,
      traffic: { kind: 'rpc', protocol, connections, inFlight },
      entrants: oneHop,
    };
  }),
  {
    ...observed(protocol),
    name: `${protocol}-2hops`,
    title: `${title}, 1 KiB each way, one connection, 64 in flight, two mosns at FULL: plain, mutual TLS, HTTP/2 between them; paced at ${pacedCallsPerSecond} calls/s`,
    traffic: { kind: 'rpc', protocol, connections: 1, inFlight: 64, callsPerSecond: pacedCallsPerSecond },
    entrants: twoHops,
  },
]);

/** Access log and metrics are on in all of them. */
function observed(protocol: RpcProtocol): Pick<Scenario, 'mode' | 'upstream' | 'observed'> {
  return { mode: protocol, upstream: 'rpc', observed: true };
}
