import type { Case } from '../case.ts';
import { connectionCases } from './connections.ts';
import { deadlineCases } from './deadlines.ts';
import { faultCases } from './faults.ts';
import { framingCases } from './framing.ts';
import { headerCases } from './headers.ts';
import { hostCases } from './hosts.ts';
import { http2Cases } from './http2.ts';
import { http2UpstreamCases } from './http2-upstream.ts';
import { pathCases } from './paths.ts';
import { redirectCases } from './redirects.ts';

/** Every case, by theme; names are unique. */
export const themes: Readonly<Record<string, readonly Case[]>> = {
  framing: framingCases,
  headers: headerCases,
  'targets and paths': pathCases,
  'hosts and forwarding': hostCases,
  'connections, upgrades, tunnels': connectionCases,
  'answers and faults of the upstream': faultCases,
  'redirects followed here': redirectCases,
  deadlines: deadlineCases,
  'HTTP/2': http2Cases,
  'HTTP/2 of the upstream': http2UpstreamCases,
};

export const cases: readonly Case[] = Object.values(themes).flat();
