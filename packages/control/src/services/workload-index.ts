import type { Labels } from '@sofamesh/model/labels';
import { labelsMatch } from '@sofamesh/model/labels';
import { type MeshObject, ofKind } from '@sofamesh/model/object';

type Workload = MeshObject<'WorkloadEntry'>;

/** The workloads of one namespace. The same object as long as they are the same. */
export class NamespaceWorkloads {
  readonly all: readonly Workload[];
  readonly #byLabel = new Map<string, Workload[]>();

  constructor(all: readonly Workload[]) {
    this.all = all;
    for (const workload of all) {
      for (const [key, value] of Object.entries(workload.spec.labels)) {
        const pair = `${key}=${value}`;
        const list = this.#byLabel.get(pair);
        if (list === undefined) this.#byLabel.set(pair, [workload]);
        else list.push(workload);
      }
    }
  }

  /** Those that have every label of the selector, in the order of the objects; without labels, all. */
  select(selector: Labels): readonly Workload[] {
    let fewest = this.all;
    for (const [key, value] of Object.entries(selector)) {
      const some = this.#byLabel.get(`${key}=${value}`) ?? [];
      if (some.length < fewest.length) fewest = some;
    }
    return fewest.filter((workload) => labelsMatch(selector, workload.spec.labels));
  }
}

const NONE = new NamespaceWorkloads([]);

/** WorkloadEntries by namespace and label. */
export class WorkloadIndex {
  #namespaces = new Map<string, NamespaceWorkloads>();

  update(objects: Iterable<MeshObject>): void {
    const lists = new Map<string, Workload[]>();
    for (const workload of ofKind(objects, 'WorkloadEntry')) {
      const { namespace } = workload.metadata;
      const list = lists.get(namespace);
      if (list === undefined) lists.set(namespace, [workload]);
      else list.push(workload);
    }
    const before = this.#namespaces;
    this.#namespaces = new Map();
    for (const [namespace, list] of lists) {
      const old = before.get(namespace);
      const isSame = old?.all.length === list.length && old.all.every((workload, at) => workload === list[at]);
      this.#namespaces.set(namespace, isSame ? old : new NamespaceWorkloads(list));
    }
  }

  of(namespace: string): NamespaceWorkloads {
    return this.#namespaces.get(namespace) ?? NONE;
  }
}
