import { parseArgs } from 'node:util';

export const peerNames = ['nginx', 'haproxy', 'envoy', 'mosn-go'] as const;
export type PeerName = (typeof peerNames)[number];
export type MosnForm = 'source' | 'bundle' | 'none';

export interface Options {
  /** Names of scenarios, beginnings of names (`bolt`) or groups (`rpc`); empty means all. */
  readonly only: readonly string[];
  readonly runs: number;
  readonly seconds: number;
  /** The longest warm-up. */
  readonly warmupSeconds: number;
  readonly peers: readonly PeerName[];
  readonly mosn: MosnForm;
  /** Where the JSON goes; undefined means a new file in `test/bench/results`. */
  readonly json: string | undefined;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]

  --only NAME[,NAME]       scenarios to run: whole names, what they begin with (bolt), or rpc for all RPC; default all
  --runs N                 runs per scenario and proxy, of which the median counts; default 5
  --seconds N              length of a run; default 3
  --warmup N               seconds of load before the first run, fewer when CPU time stops falling; default 20
  --peers NAME[,NAME]      proxies beside mosn: nginx,haproxy,envoy,mosn-go (needs Go); default all
  --mosn source|bundle|none  apps/mosn, dist/mosn.mjs (made anew by npm run bundle), or peers only; default source
  --json FILE              where the figures go; default test/bench/results/TIME.json`;

/** Throws an Error with a sentence for whoever typed it. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      warmup: { type: 'string', default: '20' },
      peers: { type: 'string', default: peerNames.join() },
      mosn: { type: 'string', default: 'source' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    only: listOf(values.only),
    runs: countOf('runs', values.runs),
    seconds: countOf('seconds', values.seconds),
    warmupSeconds: countOf('warmup', values.warmup),
    peers: listOf(values.peers).map((name) => oneOf('peers', name, peerNames)),
    mosn: oneOf('mosn', values.mosn, ['source', 'bundle', 'none']),
    json: values.json,
    help: values.help,
  };
}

function listOf(text: string): string[] {
  return text.split(',').filter(Boolean);
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name} ${text}: not a whole number above 0`);
  return count;
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new Error(`--${name} ${text}: one of ${allowed.join(', ')}`);
  return found;
}
