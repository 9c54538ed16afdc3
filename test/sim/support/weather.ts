import type { Random } from '@sofamesh/base/random';
import { calmLink, type LinkFaults } from '@sofamesh/testkit/sim-network/faults';
import { oneIn, oneOf } from './chance.ts';

/** What goes wrong in a run, where. Drawn anew for each seed, so that some runs see a single kind of trouble and some none. */
export interface Weather {
  /** Nothing goes wrong anywhere. */
  readonly calm: boolean;
  readonly downLink: LinkFaults;
  /** Between two sidecars. */
  readonly midLink: LinkFaults;
  readonly upLink: LinkFaults;
  /** Clients leave in the middle, send garbage, do not read. */
  readonly clientsMisbehave: boolean;
  /** Servers break off; or also never answer, answer twice, are gone for a while. */
  readonly serversMisbehave: 'no' | 'break' | 'all';
  /** Nobody keeps anybody waiting, and timeouts are so long that none may ever be seen. */
  readonly patient: boolean;
  /** Routes, clusters, endpoints change; nobody may notice. */
  readonly reconfigures: boolean;
  /** Filter chains are replaced: their connections end. */
  readonly replacesChains: boolean;
  /** The first sidecar drains while calls go on. */
  readonly drains: boolean;
  /** Small circuit breakers, idle timeouts and aborts by the fault filter. */
  readonly tight: boolean;
}

export function drawWeather(random: Random): Weather {
  const calm = oneIn(random, 6);
  const happens = (of: number) => !calm && oneIn(random, of);
  const serversMisbehave = happens(2) ? oneOf(random, ['break', 'all', 'all'] as const) : 'no';
  return {
    calm,
    downLink: drawLink(random, happens(4)),
    midLink: drawLink(random, happens(3)),
    upLink: drawLink(random, happens(2)),
    clientsMisbehave: happens(3),
    serversMisbehave,
    patient: calm || (serversMisbehave !== 'all' && oneIn(random, 2)),
    reconfigures: oneIn(random, 2),
    replacesChains: happens(5),
    drains: happens(5),
    tight: happens(4),
  };
}

function drawLink(random: Random, breaks: boolean): LinkFaults {
  const link: LinkFaults = {
    ...calmLink,
    latencyMsMax: oneIn(random, 3) ? 0.2 : oneIn(random, 3) ? 20 : 2,
    splitChance: oneIn(random, 3) ? 0 : random.next() * 0.8,
    coalesceChance: random.next(),
    windowBytes: oneIn(random, 4) ? 1500 : calmLink.windowBytes,
  };
  if (!breaks) return link;
  return {
    ...link,
    resetChance: oneIn(random, 2) ? 0.02 : 0,
    refuseChance: oneIn(random, 2) ? 0.2 : 0,
    silenceChance: oneIn(random, 3) ? 0.1 : 0,
  };
}
