import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import type { Failure } from './examine.ts';
import { hunt } from './hunt.ts';
import { inputBytesMax, mutate } from './mutate.ts';
import { huntsOf, readOptions } from './options.ts';
import type { FuzzTarget } from './target.ts';

/** A decoder with a fault, and what is found with it. */
async function hunted(
  run: FuzzTarget['run'],
  { inputsMax = 100, first = '5:hello,2:ok' } = {},
): Promise<{ failures: Failure[]; inputs: Buffer[] }> {
  const failures: Failure[] = [];
  const inputs: Buffer[] = [];
  const target: FuzzTarget = { name: 'faulty', corpus: () => [Buffer.from(first)], tokens: [...'!,fuz'], run };
  await hunt(target, {
    seed: 1,
    forMs: 10_000,
    inputsMax,
    minimiseMs: 300,
    collect: undefined,
    onInput: () => {},
    onFailure: (failure, input) => {
      failures.push(failure);
      inputs.push(input);
    },
  });
  return { failures, inputs };
}

/** Uses a processor. */
function spin(processorMs: number): void {
  const start = process.threadCpuUsage();
  for (;;) {
    const { user, system } = process.threadCpuUsage(start);
    if (user + system > processorMs * 1000) return;
  }
}

const text = (pieces: readonly Buffer[]) => Buffer.concat(pieces).toString('latin1');

describe('a hunt', () => {
  test('finds what throws, and shortens it to what matters', async () => {
    const { failures, inputs } = await hunted((pieces) => {
      if (text(pieces).includes('!')) throw new Error('no exclamation');
      return { said: '', sort: '' };
    });
    assert.equal(failures[0]?.kind, 'throws');
    assert.match(failures[0].message, /no exclamation/);
    assert.deepEqual(inputs[0], Buffer.from('!'));
  });

  test('finds what depends on how the bytes come', async () => {
    const { failures } = await hunted((pieces) => ({ said: `${pieces.some((piece) => piece[0] === 0x2c)}`, sort: '' }));
    assert.equal(failures[0]?.kind, 'cuts');
  });

  test('finds what takes its time', async () => {
    const { failures } = await hunted(
      (pieces) => {
        if (text(pieces).includes('!')) spin(120);
        return { said: '', sort: '' };
      },
      { inputsMax: 1, first: 'hello!' },
    );
    assert.equal(failures[0]?.kind, 'slow');
  });

  test('finds what takes memory for a claim', async () => {
    const { failures } = await hunted((pieces) => {
      const length = Number.parseInt(text(pieces), 10);
      const claimed = Buffer.alloc(Math.min(length || 0, 64 * 1024 * 1024));
      return { said: `${claimed.length}`, sort: `${claimed.length > 9}` };
    });
    assert.equal(failures[0]?.kind, 'memory');
  });

  test('goes on from what was new: four bytes in a row are found one after the other', async () => {
    const { inputs } = await hunted(
      (pieces) => {
        const [, matched = ''] = /(f(?:u(?:z(?:z)?)?)?)/.exec(text(pieces)) ?? [];
        if (matched === 'fuzz') throw new Error('found');
        return { said: '', sort: matched };
      },
      { inputsMax: 8000, first: 'a' },
    );
    assert.deepEqual(inputs[0], Buffer.from('fuzz'));
  });

  test('finds nothing where nothing is', async () => {
    const { failures } = await hunted((pieces) => ({ said: text(pieces), sort: '' }));
    assert.deepEqual(failures, []);
  });
});

test('inputs stay short, and are the same for the same seed', () => {
  const mutants = (seed: number) => {
    const random = new SeededRandom(seed);
    const pool: Buffer[] = [Buffer.from('5:hello,2:ok')];
    for (let round = 0; round < 500; round++) {
      const mutant = mutate({ tokens: ['!'] }, pool[round % pool.length]!, pool, random);
      assert.ok(mutant.length > 0 && mutant.length <= inputBytesMax);
      pool.push(mutant);
    }
    return Buffer.concat(pool);
  };
  assert.ok(mutants(1).equals(mutants(1)));
  assert.ok(!mutants(1).equals(mutants(2)));
});

test('reads its command line', () => {
  assert.deepEqual(readOptions(['hpack', '--for', '1.5m', '--seed', '7'], 0), {
    target: 'hpack',
    forMs: 90_000,
    seed: 7,
  });
  assert.deepEqual(readOptions([], 1_000_003), { target: undefined, forMs: 60_000, seed: 3 });
  for (const args of [
    ['a', 'b'],
    ['a', '--for', '10'],
    ['a', '--seed', 'x'],
    ['a', '--nonsense'],
  ]) {
    assert.throws(() => readOptions(args, 0));
  }
});

test('a name may be that of several decoders, which share the time', () => {
  const names = ['http1-server', 'http1-client', 'http2-server', 'hpack', 'hpack-more'];
  const hunts = (target: string) => huntsOf(target, 600, names).map(({ target: name, forMs }) => `${name} ${forMs}`);
  assert.deepEqual(hunts('http1'), ['http1-server 300', 'http1-client 300']);
  assert.deepEqual(hunts('hpack'), ['hpack 600']);
  assert.deepEqual(hunts('all').length, 5);
  assert.throws(() => hunts('http'), /there is no target http: http1-server, /);
});
