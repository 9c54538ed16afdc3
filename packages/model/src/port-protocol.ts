/** The protocols that a port may declare, as Istio spells them. */
export const PORT_PROTOCOLS = [
  'HTTP',
  'HTTP2',
  'GRPC',
  'GRPC-Web',
  'HTTP_PROXY',
  'HTTPS',
  'TLS',
  'TCP',
  'UDP',
  'Mongo',
  'Redis',
  'MySQL',
] as const;

/** `X`: an RPC protocol, named beside it. `unspecified`: nothing says what the port carries. */
export type PortProtocol = (typeof PORT_PROTOCOLS)[number] | 'X' | 'unspecified';

export interface PortDescription {
  readonly number?: number | undefined;
  readonly name?: string | undefined;
  /** `protocol` of an Istio port, or of a Kubernetes Service's port (TCP, UDP, SCTP). */
  readonly protocol?: string | undefined;
  /** Kubernetes only; wins over the name. */
  readonly appProtocol?: string | undefined;
}

export interface ResolvedPort {
  readonly protocol: PortProtocol;
  /** `bolt`, `dubbo`, …; only with protocol X. */
  readonly xProtocol?: string;
  /** A sub-protocol that was named and is not known: the port is then a TCP port. */
  readonly unknownXProtocol?: string;
}

const BY_NAME = new Map<string, PortProtocol>(PORT_PROTOCOLS.map((protocol) => [protocol.toLowerCase(), protocol]));
const BY_APP_PROTOCOL = new Map<string, PortProtocol>([
  ['kubernetes.io/h2c', 'HTTP2'],
  ['kubernetes.io/ws', 'HTTP'],
  ['kubernetes.io/wss', 'HTTPS'],
]);
/** Ports whose servers speak first; where nothing is declared Istio takes them for TCP. */
const SERVER_FIRST_PORTS = new Set([25, 53, 3306, 27017]);

/** The protocol that a word means, whatever its case: `grpc` → `GRPC`; undefined if it means none. */
export function parsePortProtocol(word: string): PortProtocol | undefined {
  return BY_NAME.get(word.toLowerCase());
}

/** `x-bolt`, `x-dubbo-user`, `X-BOLT` → `bolt`, `dubbo`, `bolt`; undefined for every other name. */
export function parseXProtocol(name: string): string | undefined {
  return /^x-([a-z0-9]+)(?:-|$)/i.exec(name)?.[1]?.toLowerCase();
}

/**
 * What an Istio port carries: its `protocol`; where that is TCP or absent, a name `x-PROTOCOL[-SUFFIX]` makes it an RPC port;
 * where it is absent any other name is read as a Service's would be. Without `known`, every sub-protocol counts as known.
 */
export function resolveIstioPort(port: PortDescription, known?: ReadonlySet<string>): ResolvedPort {
  const word = port.protocol ?? '';
  const named = parseXProtocol(word);
  if (named !== undefined) return xPort(named, known);
  const declared = parsePortProtocol(word);
  if (declared !== undefined && declared !== 'TCP') return { protocol: declared };
  const xProtocol = parseXProtocol(port.name ?? '');
  if (xProtocol !== undefined) return xPort(xProtocol, known);
  return { protocol: declared ?? protocolOfName(port.name ?? '', port.number) };
}

/** What a Kubernetes Service's port carries: `appProtocol`, else the name's first word (`http-admin`, `grpc-web`, `x-bolt`). */
export function resolveServicePort(port: PortDescription, known?: ReadonlySet<string>): ResolvedPort {
  if (port.protocol === 'UDP') return { protocol: 'UDP' };
  const name = port.appProtocol ?? port.name ?? '';
  const standard = port.appProtocol === undefined ? undefined : BY_APP_PROTOCOL.get(port.appProtocol);
  if (standard !== undefined) return { protocol: standard };
  const xProtocol = parseXProtocol(name);
  if (xProtocol !== undefined) return xPort(xProtocol, known);
  return { protocol: protocolOfName(name, port.number) };
}

function protocolOfName(name: string, number: number | undefined): PortProtocol {
  if (/^grpc-web/i.test(name)) return 'GRPC-Web';
  const protocol = parsePortProtocol(name.split('-', 1)[0]!);
  if (protocol !== undefined) return protocol;
  return number !== undefined && SERVER_FIRST_PORTS.has(number) ? 'TCP' : 'unspecified';
}

function xPort(xProtocol: string, known: ReadonlySet<string> | undefined): ResolvedPort {
  if (known !== undefined && !known.has(xProtocol)) return { protocol: 'TCP', unknownXProtocol: xProtocol };
  return { protocol: 'X', xProtocol };
}

/** True if requests on such a port are routed by an HTTP route table; RPC ports are, with their own names for things. */
export function isHttpPort(protocol: PortProtocol): boolean {
  return ['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-Web'].includes(protocol);
}

/** True if a connection on such a port begins with a TLS handshake that names its server. */
export function isTlsPort(protocol: PortProtocol): boolean {
  return protocol === 'HTTPS' || protocol === 'TLS';
}
