import { writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { toJson } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { type Address, formatAddress } from '@sofamesh/base/address';
import { systemClock } from '@sofamesh/base/clock';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { type HttpService, serveHttp } from '@sofamesh/net/http-service';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import { ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { Admin } from '../admin/admin.ts';
import { certificatePage } from '../admin/certificate-page.ts';
import { clusterPage } from '../admin/cluster-page.ts';
import { configDumpPage } from '../admin/config-dump-page.ts';
import { controlPages } from '../admin/control-pages.ts';
import { listenerPage } from '../admin/listener-page.ts';
import { serverPages } from '../admin/server-pages.ts';
import { statsPages } from '../admin/stats-pages.ts';
import type { Options } from '../argv.ts';
import type { Subscriptions } from '../dynamic/applier.ts';
import { describeNode } from '../dynamic/node.ts';
import { ResourceState } from '../dynamic/resource-state.ts';
import { systemResolve } from '../dynamic/system-resolver.ts';
import { createPool } from '../supervisor/create-pool.ts';
import { version, versionLine } from '../version.ts';
import { CertificateStats } from './certificate-stats.ts';
import type { ControlPlane } from './control-plane.ts';
import type { LoadedBootstrap } from './load-bootstrap.ts';
import type { ProgramLog } from './program-log.ts';
import { secretServices } from './secret-service.ts';
import { ServerState } from './server-state.ts';
import { ServerStats } from './server-stats.ts';
import { Shutdown } from './shutdown.ts';
import { onSignals } from './signals.ts';
import { releaseStartupHeap } from './startup-heap.ts';

export interface ServerOptions {
  readonly options: Options;
  readonly bootstrap: LoadedBootstrap;
  readonly log: ProgramLog;
  /** The file that worker threads start with. */
  readonly entry: URL;
  /** Its heap was made when the snapshot was: starting has left nothing behind that a collection could give back. */
  readonly fromSnapshot: boolean;
}

/** Envoy's stats flush interval: the time that the interval values of histograms are about. */
const flushIntervalMs = 5000;

/**
 * The running proxy, put together: admin server, workers, static configuration, control plane, in that order. Resolves
 * when the static part is served; readiness may come later, with the control plane's first answers. Throws a CodedError,
 * a line for each resource, when the static part cannot be.
 */
export async function startServer({ options, bootstrap, log, entry, fromSnapshot }: ServerOptions): Promise<void> {
  const { config, extensions, registry, pluginSources, plugins } = bootstrap;
  const clock = systemClock;
  const logger = log.logger('main');
  const state = new ServerState(clock);
  const aggregate = new StatsAggregate();
  const stats = new ThreadStats((definition) => aggregate.define(0, definition));
  const serverStats = new ServerStats(stats, aggregate, state, options.concurrency);
  const node = describeNode(config.node, extensions, version);
  logger.info(`starting ${versionLine()}`, { concurrency: options.concurrency, node: node.id });

  const pool = createPool({
    concurrency: options.concurrency,
    entry,
    log,
    drainMs: options.drainMs,
    downstreamConnectionsMax: config.downstreamConnectionsMax,
    pluginSources,
    plugins,
    clock,
    stats,
    aggregate,
    onFatal,
  });
  const certificateStats = new CertificateStats(stats, () => pool.config, clock.wallMs);
  let controlPlane: ControlPlane | undefined;
  // Subscriptions made before the control plane is there are made again when it is: the state starts after it.
  const subscriptions: Subscriptions = {
    subscribe: (typeUrl, names) => controlPlane?.client.subscribe(typeUrl, names),
    unsubscribe: (typeUrl, names) => controlPlane?.client.unsubscribe(typeUrl, names),
  };
  const resources = new ResourceState(
    config,
    {
      clock,
      logger: log.logger('config'),
      stats,
      extensions,
      applier: pool,
      resolve: systemResolve,
      openSecretService: secretServices({ node, clock, stats, log }),
    },
    subscriptions,
  );

  let adminService: HttpService | undefined;
  const shutdown = new Shutdown({
    clock,
    drain: async () => {
      logger.info('draining', { deadlineMs: options.drainMs });
      state.advance('DRAINING');
      resources.stop();
      controlPlane?.stop();
      await pool.drain(options.drainMs);
      await pool.close();
      await adminService?.close();
      logger.info('exiting');
    },
    exit: (code) => process.exit(code),
    onError: (thrown) => logger.error('could not drain', { error: messageOf(thrown) }),
  });
  const reopenLogs = async () => {
    log.reopen();
    await pool.reopenLogs();
  };
  onSignals({ stop: () => shutdown.request(), reopenLogs: () => void reopenLogs(), logger });

  const isStatic = new Set(config.clusters.map(({ read }) => read.config.name));
  const status = () => pool.status();
  const admin = new Admin([
    ...serverPages(state, options, toJson(NodeSchema, node, { useProtoFieldName: true }) as object),
    ...statsPages(aggregate, () => {
      serverStats.refresh();
      certificateStats.refresh();
    }),
    clusterPage({ status, config: (name) => pool.config.clusters.get(name), isStatic: (name) => isStatic.has(name) }),
    listenerPage(status),
    certificatePage(() => pool.config, clock.wallMs),
    configDumpPage(resources, registry),
    ...controlPages({
      state,
      quit: () => shutdown.request(),
      drainListeners: async (inboundOnly) => {
        const doomed = [...pool.config.listeners.values()].filter(
          ({ direction }) => !inboundOnly || direction === 'inbound',
        );
        await pool.apply({ removedListeners: doomed.map(({ name }) => name) });
      },
      logLevels: () => log.levels,
      setLogLevels: async (levels) => {
        log.levels = levels;
        await pool.setLevels(levels);
      },
      reopenLogs,
    }),
  ]);
  if (config.admin !== undefined) {
    adminService = await startAdmin(config.admin, admin, log);
    if (options.adminAddressPath !== undefined) {
      writeFileSync(options.adminAddressPath, formatAddress(adminService.address));
    }
  }

  await pool.start();
  state.advance('INITIALIZING');
  if (config.controlPlane !== undefined) {
    // Most of a static proxy's memory would be grpc-js.
    const { startControlPlane } = await import('./control-plane.ts');
    controlPlane = startControlPlane({ config: config.controlPlane, node, clock, stats, log, sink: resources });
  }
  const refused = await resources.start(() => {
    if (shutdown.begun) return;
    state.advance('LIVE');
    logger.info('ready', { afterMs: Math.round(performance.now()) });
    if (fromSnapshot) return;
    flushCompileCache();
    releaseStartupHeap(clock);
  });
  if (refused.length > 0) throw new CodedError('refused', refused.map(lineOf).join('\n'));
  const flush = () => {
    aggregate.flush();
    clock.after(flushIntervalMs, flush);
  };
  clock.after(flushIntervalMs, flush);

  function onFatal(reason: string): void {
    logger.error('no worker is left and replacements crash too', { reason });
    process.exit(1);
  }
}

async function startAdmin(address: Address, admin: Admin, log: ProgramLog): Promise<HttpService> {
  const logger = log.logger('admin');
  const service = await serveHttp({
    address,
    handler: (request) => admin.answer(request),
    onError: (thrown, { path }) => logger.error('page failed', { path, error: messageOf(thrown) }),
  }).catch((thrown: unknown) => {
    throw new CodedError('refused', `admin.address: ${formatAddress(address)}: ${messageOf(thrown)}`);
  });
  logger.info('listening', { address: formatAddress(service.address) });
  return service;
}

function lineOf({ kind, name, reason }: Rejection): string {
  return `${kind} ${name}: ${reason}`;
}
