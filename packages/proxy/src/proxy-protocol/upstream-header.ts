import type { Connection } from '@sofamesh/contract/transport';
import type { UpstreamProxyConfig } from '../config/cluster.ts';
import { writeProxyHeader } from './write-header.ts';

/** The header that tells a host for whom this proxy speaks: the client's connection, as it is known here. */
export function upstreamProxyHeader({ version, passTlvs }: UpstreamProxyConfig, downstream: Connection): Buffer {
  const tlvs = downstream.proxyHeader?.tlvs ?? [];
  const passed = passTlvs === 'all' ? tlvs : tlvs.filter(({ type }) => passTlvs.includes(type));
  return writeProxyHeader(version, downstream.remote, downstream.local, passed);
}
