import { formatAddress, type IpAddress, ipAddress } from '@sofamesh/base/address';
import { systemClock } from '@sofamesh/base/clock';
import type { ConfigFinding } from '@sofamesh/contract/config-store';
import { MeshState } from '@sofamesh/control/mesh/mesh-state';
import { ProxyView, type ResourceKind, resourceKinds } from '@sofamesh/control/push/proxy-view';
import { PushQueue } from '@sofamesh/control/push/push-queue';
import { FolderStore } from '@sofamesh/control/store/folder-store';
import { formatFinding } from '@sofamesh/model/finding';
import { serveHttp } from '@sofamesh/net/http-service';
import type { ComponentLogs } from '@sofamesh/telemetry/component-log';
import { TranslationCache } from '@sofamesh/translate/cache';
import type { MeshSettings } from '@sofamesh/translate/input';
import { translate } from '@sofamesh/translate/translate';
import { GrpcServer } from '@sofamesh/xds/grpc/server';
import { AdsServer } from '@sofamesh/xds/server/ads-server';
import { clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';
import { protocolNames, registries } from './catalogue.gen.ts';
import { answerDebug } from './debug-pages.ts';
import { intentDump } from './intent-dump.ts';
import { Metrics } from './metrics.ts';
import { proxyNodeOf } from './proxy-node.ts';
import { syncStatus } from './sync-status.ts';
import { versionLine } from './version.ts';

export interface ControlPlaneOptions {
  readonly configFolders: readonly string[];
  readonly grpcAddress: IpAddress;
  readonly httpAddress: IpAddress;
  readonly settings: MeshSettings;
  readonly logs: ComponentLogs;
}

/** Where it really listens. */
export interface ControlPlaneAddresses {
  readonly grpc: string;
  readonly http: string;
}

export interface ControlPlane {
  readonly addresses: ControlPlaneAddresses;
  stop(): Promise<void>;
}

const typeUrls: Readonly<Record<ResourceKind, string>> = {
  clusters: clusterTypeUrl,
  endpoints: endpointsTypeUrl,
  listeners: listenerTypeUrl,
  routes: routeTypeUrl,
};
const kindsByTypeUrl = new Map(resourceKinds.map((kind) => [typeUrls[kind], kind]));
const closeGraceMs = 500;

/** Puts the control plane together and starts it; rejects when an address cannot be had. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { logs, settings } = options;
  const metrics = new Metrics();
  const clock = systemClock;
  const cache = new TranslationCache();
  const views = new Map<number, ProxyView>();

  const xProtocols = new Set(protocolNames);
  const store = new FolderStore(options.configFolders, { clock, logger: logs.logger('config'), xProtocols });
  const reporter = new FindingReporter(logs, metrics);
  const snapshots = metrics.counter('pilot_snapshots_total');
  const convergence = metrics.histogram('pilot_proxy_convergence_time');
  const translation = metrics.histogram('pilot_translation_time');
  const failures = metrics.counter('pilot_translation_failures');
  const backlog = metrics.gauge('pilot_push_backlog');
  let publishedMs = 0;

  const state = new MeshState({
    store,
    registries: registries.map((kind) => kind.create({})),
    settings,
    xProtocols,
    clock,
    logger: logs.logger('services'),
    onSnapshot(snapshot) {
      snapshots.increment();
      metrics.gauge('pilot_services').set(snapshot.services.length);
      metrics.gauge('pilot_endpoints').set(snapshot.services.reduce((sum, { instances }) => sum + instances.length, 0));
      metrics.gauge('pilot_config_objects').set(snapshot.objects.length);
      publishedMs = clock.now();
      queue.publish(snapshot);
    },
  });
  const queue = new PushQueue(state.snapshot, {
    logger: logs.logger('push'),
    observer: {
      updated(_view, changes, tookMs) {
        translation.record(tookMs / 1000);
        backlog.set(queue.backlog);
        if (changes.length > 0) convergence.record((clock.now() - publishedMs) / 1000);
      },
      failed: () => failures.increment(),
    },
    now: () => clock.now(),
    yieldTurn: (resume) => setImmediate(resume),
  });

  const ads = new AdsServer({
    clock,
    logger: logs.logger('xds'),
    stats: metrics,
    onConnect(proxy) {
      const view = new ProxyView(proxyNodeOf(proxy.node), (node, snapshot) => translate(node, snapshot, cache));
      views.set(proxy.connectionId, view);
      queue.add(view, (changes) => {
        const changed = changes.map(({ kind }) => typeUrls[kind]);
        ads.push(changed, ({ connectionId }) => connectionId === proxy.connectionId);
      });
    },
    onDisconnect(proxy) {
      const view = views.get(proxy.connectionId);
      if (view !== undefined) queue.remove(view);
      views.delete(proxy.connectionId);
    },
    resourcesFor(proxy, typeUrl, names) {
      const kind = kindsByTypeUrl.get(typeUrl);
      const view = views.get(proxy.connectionId);
      if (kind === undefined || view === undefined || view.revision < 0) return undefined;
      const { version, resources } = view.view(kind);
      return { version, resources: names === undefined ? resources : resources.filter(({ name }) => names.has(name)) };
    },
  });

  let ready = false;
  const findProxy = (query: URLSearchParams): ProxyView | undefined => {
    const wanted = query.get('proxyID') ?? '';
    return [...views.values()].find(({ node }) => node.id === wanted || `${node.name}.${node.namespace}` === wanted);
  };
  const http = await serveHttp({
    address: options.httpAddress,
    onError: (error, { path }) => logs.logger('debug').error('a page failed', { path, reason: String(error) }),
    handler: (request) =>
      answerDebug(request, {
        ready: () => ready,
        metrics: () => metrics.render(),
        version: versionLine,
        pages: {
          syncz: {
            title: 'which proxies are connected, and what they have',
            value: () => ads.statuses().map((status) => syncStatus(status, views.get(status.connectionId)?.node)),
          },
          config_dump: {
            title: 'what a proxy should have (?proxyID=NAME.NAMESPACE)',
            missing: 'no such proxy is connected; see /debug/syncz',
            value(query) {
              const view = findProxy(query);
              return view && intentDump((kind) => view.view(kind).resources);
            },
          },
          notes: {
            title: 'contradictions that translation met for a proxy (?proxyID=NAME.NAMESPACE)',
            missing: 'no such proxy is connected; see /debug/syncz',
            value: (query) => findProxy(query)?.notes,
          },
          configz: { title: 'the resources in force', value: () => state.snapshot.objects },
          registryz: { title: 'the services', value: () => state.snapshot.services.map(({ service }) => service) },
          endpointz: { title: 'the services with their instances', value: () => state.snapshot.services },
          findings: {
            title: 'what is wrong with the resources',
            value: () => ({ findings: store.snapshot().findings, conflicts: state.conflicts }),
          },
        },
      }),
  });
  await state.start();
  reporter.report(store.snapshot().findings);
  const watching = setInterval(() => reporter.report(store.snapshot().findings), findingsIntervalMs);
  ready = true;

  const grpc = new GrpcServer();
  ads.register(grpc);
  let grpcPort: number;
  try {
    ({ port: grpcPort } = await grpc.listen(formatAddress(options.grpcAddress)));
  } catch (thrown) {
    clearInterval(watching);
    await Promise.all([http.close(), state.stop()]);
    throw thrown;
  }
  return {
    addresses: {
      grpc: formatAddress(ipAddress(options.grpcAddress.host, grpcPort)),
      http: formatAddress(http.address),
    },
    async stop() {
      clearInterval(watching);
      ads.close();
      await grpc.close(closeGraceMs);
      await Promise.all([http.close(), state.stop()]);
    },
  };
}

/** A file that cannot be read changes no snapshot, so findings are looked at by themselves. */
const findingsIntervalMs = 100;

/** Says each finding once, when it appears. */
class FindingReporter {
  readonly #logs: ComponentLogs;
  readonly #metrics: Metrics;
  #known: ReadonlySet<string> = new Set();
  #last: readonly ConfigFinding[] | undefined;

  constructor(logs: ComponentLogs, metrics: Metrics) {
    this.#logs = logs;
    this.#metrics = metrics;
  }

  report(findings: readonly ConfigFinding[]): void {
    if (findings === this.#last) return;
    this.#last = findings;
    const logger = this.#logs.logger('config');
    const now = new Set<string>();
    for (const finding of findings) {
      const line = formatFinding(finding);
      now.add(line);
      if (this.#known.has(line)) continue;
      if (finding.level === 'error') logger.error(line);
      else logger.warn(line);
    }
    if (this.#known.size > 0 && now.size === 0) logger.warn('all resources are in order again');
    this.#known = now;
    const count = (level: string) => findings.filter((finding) => finding.level === level).length;
    this.#metrics.gauge('pilot_config_errors').set(count('error'));
    this.#metrics.gauge('pilot_config_warnings').set(count('warning'));
  }
}
