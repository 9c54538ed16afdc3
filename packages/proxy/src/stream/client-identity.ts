import { type Address, ipAddress } from '@sofamesh/base/address';
import type { RequestHead } from '@sofamesh/contract/message';
import type { Connection } from '@sofamesh/contract/transport';
import type { ClientDetectionConfig } from '../config/http-edge.ts';
import type { HttpProxyConfig } from '../config/listener.ts';
import { addressBytes, IpPrefix } from '../listener/ip-prefix.ts';

const forwardedFor = 'x-forwarded-for';

/** Tells the client's address from a request; undefined when it cannot. */
type Detection = (head: RequestHead) => Detected | undefined;

interface Detected {
  readonly client: Address | undefined;
  /** The address may be that of somebody internal. */
  readonly trusted: boolean;
  /** Not 0: the request is to be refused with this status. */
  readonly rejectStatus: number;
}

/**
 * Who a request comes from: the connection's peer, or whom trusted proxies in front of us name, and whether that is one
 * of us. X-Forwarded-For is brought up to date on the way. The answer stands in the fields until the next request.
 */
export class ClientIdentity {
  client: Address = ipAddress('0.0.0.0', 0);
  /** Comes from an internal address, and nobody stands between us. */
  internal = false;
  /** Not 0: the request is to be refused with this status. */
  rejectStatus = 0;
  readonly #config: HttpProxyConfig;
  readonly #detections: readonly Detection[];
  readonly #internal: readonly IpPrefix[];
  readonly #localAddress: string | undefined;

  /** `localAddress`: this machine's, for clients on it. Throws a CodedError that begins with `where`. */
  constructor(config: HttpProxyConfig, localAddress: string | undefined, where: string) {
    this.#config = config;
    this.#localAddress = localAddress;
    const at = `${where}.internal_address_config`;
    this.#internal = config.internalPrefixes.map((text) => IpPrefix.parse(text, at));
    const detections = config.clientDetection.map(compile);
    // Without any, X-Forwarded-For says it.
    this.#detections = detections.length > 0 ? detections : [byHops(config.xffTrustedHops)];
  }

  identify(head: RequestHead, connection: Connection): void {
    this.client = connection.remote;
    this.internal = false;
    this.rejectStatus = 0;
    if (this.#config.useRemoteAddress) this.#fromConnection(head, connection);
    else this.#fromHeaders(head);
  }

  #fromConnection(head: RequestHead, connection: Connection): void {
    const { xffTrustedHops, skipXffAppend } = this.#config;
    const before = head.get(forwardedFor);
    if (xffTrustedHops > 0 && before !== undefined) {
      this.client = addressAt(before, xffTrustedHops - 1) ?? connection.remote;
    }
    if (!skipXffAppend) this.#append(head, connection, before);
    this.internal = before === undefined && this.#isInternal(this.client);
  }

  #fromHeaders(head: RequestHead): void {
    for (const detect of this.#detections) {
      const detected = detect(head);
      if (detected === undefined) continue;
      if (detected.rejectStatus > 0) {
        this.rejectStatus = detected.rejectStatus;
        return;
      }
      if (detected.client === undefined) continue;
      this.client = detected.client;
      this.internal = detected.trusted && this.#isInternal(detected.client);
      return;
    }
  }

  #append(head: RequestHead, { remote }: Connection, before: string | undefined): void {
    if (remote.kind !== 'ip') return;
    const address = isLoopback(remote.host) ? (this.#localAddress ?? remote.host) : remote.host;
    head.set(forwardedFor, before === undefined || before === '' ? address : `${before},${address}`);
  }

  #isInternal(address: Address): boolean {
    if (address.kind === 'pipe') return this.#config.unixSocketsInternal;
    if (this.#internal.length === 0) return false;
    const bytes = addressBytes(address.host);
    return bytes !== undefined && this.#internal.some((prefix) => prefix.contains(bytes));
  }
}

function compile(config: ClientDetectionConfig): Detection {
  return config.kind === 'header' ? byHeader(config) : byHops(config.trustedHops);
}

function byHops(hops: number): Detection {
  return (head) => {
    const value = head.get(forwardedFor);
    if (value === undefined) return undefined;
    // Only an address that nothing stands beside was written by the one next to us.
    const trusted = hops === 0 && !value.includes(',');
    return { client: addressAt(value, hops), trusted, rejectStatus: 0 };
  };
}

function byHeader({ header, trusted, rejectStatus = 0 }: ClientDetectionConfig & { kind: 'header' }): Detection {
  const rejected = rejectStatus > 0 ? { client: undefined, trusted: false, rejectStatus } : undefined;
  return (head) => {
    const value = head.get(header);
    const bytes = value === undefined ? undefined : addressBytes(value);
    if (bytes === undefined) return rejected;
    return { client: ipAddress(value!, 0), trusted, rejectStatus: 0 };
  };
}

/** The address `places` from the right, counted from 0; undefined when there is none, or it is not one. */
function addressAt(list: string, places: number): (Address & { kind: 'ip' }) | undefined {
  let end = list.length;
  for (let place = 0; ; place++) {
    const comma = list.lastIndexOf(',', end - 1);
    const start = end === 0 ? 0 : comma + 1;
    if (place === places) {
      const text = list.slice(start, end).trim();
      return addressBytes(text) === undefined ? undefined : ipAddress(text, 0);
    }
    if (comma < 0 || end === 0) return undefined;
    end = comma;
  }
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host.startsWith('::ffff:127.');
}
