import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, mock, test } from 'node:test';
import { readArguments } from './argv.ts';
import { version } from './version.ts';

const read = (...args: string[]) => readArguments(['node', 'mosn', ...args]);

/** Exit code and what was printed when the arguments end the program. */
function ending(...args: string[]): { readonly code: number; readonly printed: string } {
  let printed = '';
  const print = (chunk: unknown) => {
    printed += chunk;
    return true;
  };
  const out = mock.method(process.stdout, 'write', print);
  const err = mock.method(process.stderr, 'write', print);
  try {
    read(...args);
  } catch (thrown) {
    return { code: (thrown as { exitCode: number }).exitCode, printed };
  } finally {
    out.mock.restore();
    err.mock.restore();
  }
  throw new Error('went on');
}

describe('the command line', () => {
  test('has defaults', () => {
    const options = read('-c', 'a.yaml');
    assert.equal(options.configPath, 'a.yaml');
    assert.equal(options.concurrency, process.platform === 'linux' ? availableParallelism() : 1);
    assert.equal(options.mode, 'serve');
    assert.equal(options.drainMs, 5000);
    assert.deepEqual(options.logLevels, { level: 'info', components: {} });
  });

  test('takes what Envoy takes', () => {
    const options = read(
      ...[
        '--config-yaml',
        '{}',
        '--mode',
        'validate',
        '--concurrency',
        '3',
        '--service-node',
        'n',
        '--service-cluster',
      ],
      ...[
        'c',
        '-l',
        'warn',
        '--component-log-level',
        'xds:debug,proxy:off',
        '--log-path',
        '/tmp/l',
        '--drain-time-s',
        '7',
      ],
      ...['--parent-shutdown-time-s', '9', '--base-id', '4', '--admin-address-path', '/tmp/a'],
    );
    assert.deepEqual(options, {
      configPath: undefined,
      configYaml: '{}',
      mode: 'validate',
      concurrency: 3,
      serviceNode: 'n',
      serviceCluster: 'c',
      logLevels: { level: 'warning', components: { xds: 'debug', proxy: 'off' } },
      logPath: '/tmp/l',
      drainMs: 7000,
      parentShutdownMs: 9000,
      baseId: 4,
      adminAddressPath: '/tmp/a',
    });
  });

  for (const [args, message] of [
    [[], /one of --config-path and --config-yaml is needed/],
    [['-c', 'x', '--concurrency', '0'], /whole number from 1/],
    [['-c', 'x', '--concurrency', '2.5'], /whole number from 1/],
    [['-c', 'x', '--drain-time-s', '-1'], /drain-time-s/],
    [['-c', 'x', '--log-level', 'loud'], /must be one of trace, debug/],
    [['-c', 'x', '--component-log-level', 'xds'], /"xds" is not name:level/],
    [['-c', 'x', '--mode', 'dance'], /serve, validate/],
    [['-c', 'x', '--nonsense'], /unknown option '--nonsense'/],
    [['-c', 'x', 'y'], /too many arguments/],
  ] as const) {
    test(`refuses ${args.join(' ') || 'nothing at all'}`, () => {
      const { code, printed } = ending(...args);
      assert.equal(code, 1);
      assert.match(printed, message);
    });
  }

  test('prints its version', () => {
    assert.deepEqual(ending('--version'), { code: 0, printed: `mosn ${version} (node ${process.version})\n` });
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    assert.equal(JSON.parse(manifest).version, version);
  });

  test('prints help that names every flag', () => {
    const { code, printed } = ending('--help');
    assert.equal(code, 0);
    for (const flag of ['--config-path', '--concurrency', '--drain-time-s', '--admin-address-path']) {
      assert.ok(printed.includes(flag), flag);
    }
  });
});
