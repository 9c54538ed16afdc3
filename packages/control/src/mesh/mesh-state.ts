import type { Clock, Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { ConfigStore } from '@sofamesh/contract/config-store';
import type { Registry } from '@sofamesh/contract/registry';
import type { MeshObject } from '@sofamesh/model/object';
import type { MeshSettings, MeshSnapshot } from '@sofamesh/translate/input';
import { type ServiceConflict, ServiceIndex } from '../services/service-index.ts';

export interface MeshStateOptions {
  readonly store: ConfigStore;
  readonly registries: readonly Registry[];
  readonly settings: MeshSettings;
  /** The RPC protocols that ports may name; without it every name is accepted. */
  readonly xProtocols?: ReadonlySet<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A new picture of the mesh; the first one comes before {@link MeshState.start} resolves. */
  readonly onSnapshot: (snapshot: MeshSnapshot) => void;
}

/** Changes that come in a burst become one snapshot: it is made when there was quiet for this long … */
const quietMs = 20;
/** … or this long after the first change, quiet or not. */
const burstMsMax = 250;

/** Joins resources and registries to one picture of the mesh, anew after every change. */
export class MeshState {
  readonly #options: MeshStateOptions;
  readonly #services: ServiceIndex;
  #snapshot: MeshSnapshot;
  #conflicts: readonly ServiceConflict[] = [];
  #timer: Timer | undefined;
  #firstChangeMs: number | undefined;
  #started = false;

  constructor(options: MeshStateOptions) {
    this.#options = options;
    this.#services = new ServiceIndex(options.settings.domain, options.xProtocols);
    this.#snapshot = { revision: 0, services: [], objects: [], mesh: options.settings };
  }

  get snapshot(): MeshSnapshot {
    return this.#snapshot;
  }

  get conflicts(): readonly ServiceConflict[] {
    return this.#conflicts;
  }

  /** Resolves with the first snapshot made. A registry that cannot start is reported and left out. */
  async start(): Promise<void> {
    const { store, registries, logger } = this.#options;
    const sinks = registries.map((registry) => this.#services.sink(registry.name, () => this.#onChange()));
    const starting = registries.map((registry, at) =>
      registry.start(sinks[at]!).catch((thrown) => {
        logger.error('a registry cannot be used', { registry: registry.name, reason: messageOf(thrown) });
      }),
    );
    await Promise.all([store.start(() => this.#onChange()), ...starting]);
    this.#started = true;
    this.#makeSnapshot();
  }

  async stop(): Promise<void> {
    this.#started = false;
    this.#timer?.cancel();
    await Promise.all([this.#options.store.stop(), ...this.#options.registries.map((registry) => registry.stop())]);
  }

  #onChange(): void {
    if (!this.#started) return;
    const { clock } = this.#options;
    this.#firstChangeMs ??= clock.now();
    const leftMs = this.#firstChangeMs + burstMsMax - clock.now();
    this.#timer?.cancel();
    this.#timer = clock.after(Math.max(0, Math.min(quietMs, leftMs)), () => this.#makeSnapshot());
  }

  #makeSnapshot(): void {
    this.#timer = undefined;
    this.#firstChangeMs = undefined;
    // The store has validated them, so their specs are what the kinds say.
    const objects = this.#options.store.snapshot().objects as readonly MeshObject[];
    const { services, conflicts } = this.#services.services(objects);
    for (const { host, namespace, reason } of conflicts) {
      if (this.#conflicts.some((known) => known.host === host && known.namespace === namespace)) continue;
      this.#options.logger.warn(`service ${host} of namespace ${namespace} ${reason}`);
    }
    this.#conflicts = conflicts;
    this.#snapshot = {
      revision: this.#snapshot.revision + 1,
      services: sameItems(this.#snapshot.services, services),
      objects: sameItems(this.#snapshot.objects, objects),
      mesh: this.#options.settings,
    };
    this.#options.onSnapshot(this.#snapshot);
  }
}

/** The list that was there before, where the new one has the same items: caches are keyed by identity. */
function sameItems<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  return before.length === after.length && before.every((item, at) => item === after[at]) ? before : after;
}
