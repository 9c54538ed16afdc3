import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { ensureProgram, systemPath } from '../peers/install.ts';
import { requirePeers } from '../peers/peer.ts';
import { needsMosn } from './support/proxy.ts';

const world = join(import.meta.dirname, 'node', 'redirect-world.ts');
const worldTimeoutMs = 120_000;

interface Heard {
  readonly what: 'known' | 'unknown' | 'direct';
  readonly family: 'v4' | 'v6';
  readonly heard: string;
}

const { skip: lacking } = await requirePeers({
  unshare: () => ensureProgram('unshare', ['util-linux']),
  nsenter: () => ensureProgram('nsenter', ['util-linux']),
  ip: () => ensureProgram('ip', ['iproute2']),
  iptables: () => ensureProgram('iptables', ['iptables']),
  ip6tables: () => ensureProgram('ip6tables', ['iptables']),
});

/** Everything that clients heard, or why this machine's kernel does not let us divert connections. */
function play(mode: string): readonly Heard[] | { readonly refused: string } {
  const command = ['-rn', process.execPath, world, mode];
  const env = { ...process.env, PATH: systemPath() };
  const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8', timeout: worldTimeoutMs, env });
  if (status === 77 || /^unshare: /m.test(stderr)) return { refused: stderr.trim() };
  assert.equal(status, 0, stderr);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"what"'))
    .map((line) => JSON.parse(line) as Heard);
}

for (const mode of ['redirect', 'tproxy']) {
  describe(`connections that a ${mode.toUpperCase()} rule diverts`, { skip: needsMosn || lacking }, () => {
    let played: ReturnType<typeof play> = [];
    before(() => {
      played = play(mode);
    });

    function heard(t: TestContext, what: Heard['what'], family: Heard['family']): string | undefined {
      if ('refused' in played) {
        t.skip(played.refused);
        return undefined;
      }
      const found = played.find((each) => each.what === what && each.family === family);
      assert.ok(found, `nothing was heard of ${what} ${family} in ${JSON.stringify(played)}`);
      return found.heard;
    }

    for (const family of ['v4', 'v6'] as const) {
      test(`${family}: a listener without a socket gets what was going to its address`, (t) => {
        const said = heard(t, 'known', family);
        if (said !== undefined) assert.match(said, /^backend at 127\.0\.0\.1 \d+$/);
      });

      test(`${family}: everything else goes on to where it was going`, (t) => {
        const said = heard(t, 'unknown', family);
        const address = family === 'v4' ? '10.1.2.4' : 'fd00:1::4';
        if (said !== undefined) assert.equal(said, `unknown at ${address} 81`);
      });

      test(`${family}: a connection to the proxy itself has nowhere to go`, (t) => {
        const said = heard(t, 'direct', family);
        if (said !== undefined) assert.equal(said, '');
      });
    }
  });
}
