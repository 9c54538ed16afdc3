import { messageOf } from '@sofamesh/base/errors';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import type { Applier } from './applier.ts';

/** An update that fails as a whole (no worker is there) is one in which everything is refused. */
export async function applyUpdate(applier: Applier, update: ConfigUpdate): Promise<readonly Rejection[]> {
  try {
    return await applier.apply(update);
  } catch (thrown) {
    const reason = `cannot be applied: ${messageOf(thrown)}`;
    const all = (kind: Rejection['kind'], resources: readonly { readonly name: string }[] | undefined) =>
      (resources ?? []).map(({ name }) => ({ kind, name, reason }));
    return [
      ...all('cluster', update.clusters),
      ...all('endpoints', update.endpoints),
      ...all('route', update.routes),
      ...all('listener', update.listeners),
    ];
  }
}
