import type {
  MeshSnapshot,
  NamedResource,
  ProxyNode,
  ProxyResources,
  TranslationNote,
} from '@sofamesh/translate/input';

/** In the order in which they must reach a proxy: what is named comes before what names it. */
export const resourceKinds = ['clusters', 'endpoints', 'listeners', 'routes'] as const;
export type ResourceKind = (typeof resourceKinds)[number];

export type Translate = (node: ProxyNode, snapshot: MeshSnapshot) => ProxyResources;

/** Resources of one kind, and what is new in them. */
export interface KindView {
  /** Changes exactly when the content does. */
  readonly version: string;
  readonly resources: readonly NamedResource[];
}

/** What changed of one kind between two snapshots. */
export interface KindChange {
  readonly kind: ResourceKind;
  /** Names of resources that are new or different. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

const nothingYet: KindView = { version: '', resources: [] };

/**
 * What one connected proxy should have, as of the last snapshot. It tells which kinds and names a new snapshot changed
 * for this proxy, so that nothing else is sent.
 */
export class ProxyView {
  readonly node: ProxyNode;
  readonly #translate: Translate;
  readonly #views: Record<ResourceKind, KindView> = {
    clusters: nothingYet,
    endpoints: nothingYet,
    listeners: nothingYet,
    routes: nothingYet,
  };
  #revision = -1;
  #notes: readonly TranslationNote[] = [];

  constructor(node: ProxyNode, translate: Translate) {
    this.node = node;
    this.#translate = translate;
  }

  /** Revision of the snapshot that the view shows; -1 before the first. */
  get revision(): number {
    return this.#revision;
  }

  get notes(): readonly TranslationNote[] {
    return this.#notes;
  }

  view(kind: ResourceKind): KindView {
    return this.#views[kind];
  }

  /** Takes a snapshot over. What cannot be translated throws and leaves the view as it was. */
  update(snapshot: MeshSnapshot): readonly KindChange[] {
    const resources = this.#translate(this.node, snapshot);
    const changes: KindChange[] = [];
    for (const kind of resourceKinds) {
      const before = this.#views[kind];
      const change = differences(kind, before.resources, resources[kind]);
      if (before.version !== '' && change.changed.length === 0 && change.removed.length === 0) continue;
      this.#views[kind] = { version: String(snapshot.revision), resources: resources[kind] };
      changes.push(change);
    }
    this.#revision = snapshot.revision;
    this.#notes = resources.notes;
    return changes;
  }
}

function differences(
  kind: ResourceKind,
  before: readonly NamedResource[],
  after: readonly NamedResource[],
): KindChange {
  const old = new Map(before.map(({ name, bytes }) => [name, bytes]));
  const changed: string[] = [];
  for (const { name, bytes } of after) {
    const known = old.get(name);
    old.delete(name);
    // Cached pieces keep their identity, so that an untouched resource costs one comparison of references.
    if (known !== bytes && (known === undefined || Buffer.compare(known, bytes) !== 0)) changed.push(name);
  }
  return { kind, changed, removed: [...old.keys()] };
}
