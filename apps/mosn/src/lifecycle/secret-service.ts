import type { Stats } from '@sofamesh/contract/stats';
import { secretsMethod } from '@sofamesh/xds/type-urls';
import type { StateEnvironment } from '../dynamic/state-environment.ts';
import type { ControlPlane, ControlPlaneOptions } from './control-plane.ts';

/** Opens connections to servers of secrets alone. gRPC is loaded for the first one. */
export function secretServices(
  options: Omit<ControlPlaneOptions, 'config' | 'sink' | 'method'>,
): StateEnvironment['openSecretService'] {
  return (config, sink) => {
    let waiting: ((client: ControlPlane['client']) => void)[] = [];
    let plane: ControlPlane | undefined;
    let stopped = false;
    void import('./control-plane.ts').then(({ startControlPlane }) => {
      if (stopped) return;
      plane = startControlPlane({ ...options, stats: apart(options.stats), config, sink, method: secretsMethod });
      for (const act of waiting) act(plane.client);
      waiting = [];
    });
    const tell = (act: (client: ControlPlane['client']) => void) => {
      if (plane === undefined) waiting.push(act);
      else act(plane.client);
    };
    return {
      subscribe: (typeUrl, names) => tell((client) => client.subscribe(typeUrl, names)),
      unsubscribe: (typeUrl, names) => tell((client) => client.unsubscribe(typeUrl, names)),
      stop: () => {
        stopped = true;
        plane?.stop();
      },
    };
  };
}

/** Whether the control plane is connected is told of another one. */
function apart(stats: Stats): Stats {
  const named = (name: string) => (name.startsWith('control_plane.') ? `sds.${name}` : name);
  return {
    counter: (name) => stats.counter(named(name)),
    gauge: (name) => stats.gauge(named(name)),
    histogram: (name) => stats.histogram(named(name)),
  };
}
