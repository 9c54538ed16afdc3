import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyText } from '@sofamesh/testkit/any-text';
import fc from 'fast-check';
import { encodeHeaders, readExchange, visitHeaders, writeExchangeHead } from './exchange.ts';
import { compileGuest, Guest } from './guest.ts';
import { limitMemory } from './limit-memory.ts';
import {
  assemble,
  back,
  call,
  drop,
  i32,
  loop,
  memoryGrow,
  memorySize,
  unreachable,
} from './test-support/assembler.ts';
import { tokenFunctions, tokenGuest } from './test-support/token-guest.ts';

const refusal = (act: () => unknown): string => {
  let message = '';
  assert.throws(act, (thrown: Error & { code?: string }) => {
    message = thrown.message;
    return thrown.code === 'bad_wasm';
  });
  return message;
};

describe('what cannot be a codec', () => {
  const without = (name: string) => tokenGuest({ functions: tokenFunctions.filter((each) => each.name !== name) });

  test('says what it lacks', () => {
    assert.match(
      refusal(() => compileGuest(without('malloc'), 64)),
      /no function proxy_on_memory_allocate or malloc/,
    );
    const decode = 'proxy_decode_buffer_bytes';
    assert.match(
      refusal(() => compileGuest(without(decode), 64)),
      /no function proxy_decode_buffer_bytes/,
    );
    const set = ['i32', 'i32', 'i32', 'i32', 'i32'] as const;
    const imports = [{ name: 'fd_write', params: set, results: ['i32'] as const }];
    assert.match(
      refusal(() => compileGuest(tokenGuest({ imports }), 64)),
      /imports function env\.fd_write/,
    );
    assert.match(
      refusal(() => compileGuest(Buffer.from('no module'), 64)),
      /WebAssembly/,
    );
    const module = compileGuest(tokenGuest({ memoryName: 'heap' }), 64);
    assert.match(
      refusal(() => new Guest(module, () => {})),
      /exports no memory/,
    );
  });

  test('may fail when it starts', () => {
    const functions = [...tokenFunctions, { name: '_initialize', params: [], body: unreachable }];
    const module = compileGuest(tokenGuest({ functions }), 64);
    assert.throws(() => new Guest(module, () => {}), { code: 'wasm_trap', message: /_initialize: unreachable/ });
  });

  test('every function that is not must be is one that may be missing', () => {
    const module = compileGuest(without('proxy_hijack_buffer_bytes'), 64);
    assert.equal(new Guest(module, () => {}).has('proxy_hijack_buffer_bytes'), false);
  });
});

describe('a guest', () => {
  const guestWith = (imported: string, parameters: number, args: readonly number[]) => {
    const logged: string[] = [];
    const imports = [{ name: imported, params: Array(parameters).fill('i32'), results: ['i32'] as const }];
    const decode = { name: 'proxy_decode_buffer_bytes', params: ['i32', 'i32'] as const, results: ['i32'] as const };
    const body = [args.map(i32), call(0), drop, i32(0), back, i32(0)];
    const functions = tokenFunctions.map((each) => (each.name === decode.name ? { ...decode, body } : each));
    // The others call what is not there in this module.
    const kept = functions.filter(({ name }) => name === 'malloc' || name === decode.name);
    const encode = { ...decode, name: 'proxy_encode_buffer_bytes', body: i32(0) };
    const guest = new Guest(compileGuest(tokenGuest({ imports, functions: [...kept, encode] }), 64), (text) =>
      logged.push(text),
    );
    return { guest, logged };
  };

  test('logs, and not without end', () => {
    const { guest, logged } = guestWith('proxy_log', 3, [2, 0x1008, 5]);
    assert.equal(guest.call('proxy_decode_buffer_bytes', Buffer.alloc(1)), 0);
    assert.deepEqual(logged, [':path']);
    const { guest: other, logged: long } = guestWith('proxy_log', 3, [2, 0, 60_000]);
    other.call('proxy_decode_buffer_bytes', Buffer.alloc(1));
    assert.equal(long[0]!.length, 1024);
  });

  for (const [at, length] of [
    [0x10_000, 1],
    [-1, 1],
    [0, -1],
    [-1, -1],
  ] as const) {
    test(`cannot hand over what is not its own (${at}, ${length})`, () => {
      const { guest } = guestWith('proxy_set_buffer_bytes', 5, [13, 0, 0, at, length]);
      const ask = () => guest.call('proxy_decode_buffer_bytes', Buffer.alloc(1));
      assert.throws(ask, { code: 'wasm_trap', message: /points outside of its memory/ });
      assert.equal(guest.take(13), undefined);
    });
  }

  test('that recurses without end is ended', () => {
    const recurse = { name: 'proxy_decode_buffer_bytes', params: ['i32', 'i32'], results: ['i32'] } as const;
    const functions = tokenFunctions.map((each) =>
      each.name === recurse.name ? { ...recurse, body: [i32(0), i32(0), call(2)] } : each,
    );
    const guest = new Guest(compileGuest(tokenGuest({ functions }), 64), () => {});
    assert.throws(() => guest.call('proxy_decode_buffer_bytes', Buffer.alloc(1)), { code: 'wasm_trap' });
  });

  test('gets input of any size in one buffer', () => {
    const guest = new Guest(compileGuest(tokenGuest(), 64), () => {});
    for (const bytes of [1, 5000, 100_000, 10, 1_000_000]) {
      assert.equal(guest.call('proxy_decode_buffer_bytes', Buffer.alloc(bytes, 0xff)), 1);
    }
  });
});

describe('limits on memory', () => {
  /** Takes pages until there are none and returns how many it has. */
  const greedy = (changes: { pages: number; pagesMax?: number }) =>
    assemble({
      functions: [
        {
          name: 'take',
          params: [],
          results: ['i32'],
          body: [loop, i32(1), memoryGrow, i32(-1), 0x47, 0x0d, 0, 0x0b, memorySize],
        },
      ],
      ...changes,
    });
  const pagesOf = (bytes: Buffer) => {
    const { instance } = runnable(bytes);
    return (instance.exports['take'] as () => number)();
  };

  test('hold whatever the module says', () => {
    assert.equal(pagesOf(limitMemory(greedy({ pages: 1 }), 5)), 5);
    assert.equal(pagesOf(limitMemory(greedy({ pages: 2, pagesMax: 3 }), 5)), 3);
    assert.equal(pagesOf(limitMemory(greedy({ pages: 2, pagesMax: 60_000 }), 300)), 300);
    assert.equal(pagesOf(limitMemory(greedy({ pages: 5 }), 5)), 5);
    assert.match(
      refusal(() => limitMemory(greedy({ pages: 6 }), 5)),
      /begins with 6 pages of memory; 5 are allowed/,
    );
  });

  test('are for modules with one memory of the usual kind', () => {
    assert.match(
      refusal(() => limitMemory(Buffer.from('0061736d01000000', 'hex'), 1)),
      /no memory of its own/,
    );
    const memory = (section: string) => Buffer.from(`0061736d01000000${section}`, 'hex');
    assert.match(
      refusal(() => limitMemory(memory('050402000100'), 9)),
      /has 2 memories/,
    );
    assert.match(
      refusal(() => limitMemory(memory('050401030101'), 9)),
      /shared or 64 bits wide/,
    );
    assert.match(
      refusal(() => limitMemory(memory('0505010100'), 9)),
      /middle of a section/,
    );
    assert.match(
      refusal(() => limitMemory(memory('05ffffffffff7f'), 9)),
      /number that is too long/,
    );
  });

  test('no bytes are worse than refused', () => {
    const module = tokenGuest();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(module.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(module.length),
        (edits, cut) => {
          const bytes = Buffer.from(module.subarray(0, cut));
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          try {
            limitMemory(bytes, 4);
          } catch (thrown) {
            assert.equal((thrown as { code?: string }).code, 'bad_wasm');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the message about a frame', () => {
  const header = fc.tuple(anyText(20), anyText(20));
  const exchange = fc.record({
    headers: fc.array(header, { maxLength: 6 }),
    flags: fc.nat(255),
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => (id < 2n ** 32n ? Number(id) : id)),
    timeoutOrStatus: fc.nat(),
    drainBytes: fc.nat(),
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(exchange, fc.uint8Array({ maxLength: 20 }), ({ headers, ...rest }, raw) => {
        const message = { ...rest, headers: encodeHeaders(headers) };
        const bytes = Buffer.concat([writeExchangeHead(message, raw.length), raw]);
        assert.deepEqual(readExchange(bytes), { ...message, body: Buffer.from(raw) });
        const seen: [string, string][] = [];
        visitHeaders(message.headers, (name, value) => seen.push([name, value]));
        const wellFormed = (text: string) => Buffer.from(text, 'utf8').toString('utf8');
        assert.deepEqual(
          seen,
          headers.map(([name, value]) => [wellFormed(name), wellFormed(value)]),
        );
      }),
    );
  });

  test('is refused when it is anything else', () => {
    const whole = Buffer.concat([
      writeExchangeHead(
        { headers: encodeHeaders([['a', 'b']]), flags: 64, id: 1, timeoutOrStatus: 0, drainBytes: 9 },
        2,
      ),
      Buffer.from('xy'),
    ]);
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => readExchange(whole.subarray(0, end)), { code: 'bad_wasm_answer' });
    }
    assert.throws(() => readExchange(Buffer.concat([whole, Buffer.alloc(1)])), { code: 'bad_wasm_answer' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          readExchange(Buffer.from(bytes));
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, 'bad_wasm_answer');
        }
      }),
    );
  });
});

interface Runnable {
  readonly instance: { readonly exports: Readonly<Record<string, unknown>> };
}

function runnable(bytes: Buffer): Runnable {
  const { Module, Instance } = (
    globalThis as unknown as {
      WebAssembly: {
        Module: new (bytes: Uint8Array) => object;
        Instance: new (module: object) => Runnable['instance'];
      };
    }
  ).WebAssembly;
  return { instance: new Instance(new Module(bytes)) };
}
