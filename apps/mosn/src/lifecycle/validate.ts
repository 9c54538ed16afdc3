import { CodedError } from '@sofamesh/base/errors';
import type { DatagramTransport } from '@sofamesh/contract/datagram';
import type { Transport } from '@sofamesh/contract/transport';
import { ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { EngineWorker } from '../worker/worker.ts';
import type { LoadedBootstrap } from './load-bootstrap.ts';
import type { ProgramLog } from './program-log.ts';

/** A network on which everything can be listened on and nothing ever arrives. */
const noNetwork: Transport = {
  listen: async ({ address }) => ({ address, close: async () => {} }),
  dial: () => {
    throw new CodedError('no_network', 'a configuration that is only checked must not connect');
  },
};

const noDatagrams: DatagramTransport = {
  bind: async ({ address }) => ({ address, send() {}, close: async () => {} }),
  connect: () => {
    throw new CodedError('no_network', 'a configuration that is only checked must not connect');
  },
};

/** Checks the static resources as far as the engine does, without opening anything. Throws with a line for each bad one. */
export async function validate({ config, plugins }: LoadedBootstrap, log: ProgramLog): Promise<void> {
  const worker = new EngineWorker({
    stats: new ThreadStats(() => {}),
    log,
    drainMs: 0,
    plugins,
    transport: noNetwork,
    datagrams: noDatagrams,
  });
  const rejections = await worker.handle('prepare', {
    clusters: config.clusters.map(({ read }) => read.config),
    listeners: config.listeners.map(({ read }) => read.config),
  });
  await worker.handle('abandon', undefined);
  await worker.handle('close', undefined);
  if (rejections.length > 0) {
    const lines = rejections.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`);
    throw new CodedError('refused', lines.join('\n'));
  }
}
