import { lookup } from 'node:dns/promises';
import type { Resolve } from './dns.ts';

/**
 * The machine's own resolver, `/etc/hosts` included: IPv4 addresses where a name has any, else IPv6 (Envoy's
 * V4_PREFERRED). Both at once would make two hosts of one program that listens on one of them.
 */
export const systemResolve: Resolve = async (host) => {
  const answers = await lookup(host, { all: true, order: 'ipv4first' });
  const family = answers[0]?.family;
  return answers.filter((answer) => answer.family === family).map(({ address }) => address);
};
