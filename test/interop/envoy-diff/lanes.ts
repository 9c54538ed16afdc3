import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningProcess } from '../../peers/process.ts';
import type { ProxyKind } from '../support/bootstrap.ts';
import { isReady, launchProxy, listenerPorts } from '../support/proxy.ts';
import type { Case } from './case.ts';
import { bootstrap, type ConfigurationName } from './configurations.ts';
import { type Observation, observe } from './observation.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { ScriptedPeer } from './scripted-peer.ts';

/** Lanes of a configuration that many cases use, and of another. */
const lanesMax = 12;
const casesPerLane = 12;
/** An exchange that never comes to rest is cut. */
const exchangeMsMax = 15_000;
/** After an exchange the proxy is left to notice that its upstream has closed everything. */
const restMs = 80;

interface Lane {
  readonly name: string;
  readonly configuration: ConfigurationName;
  readonly origin: ScriptedOrigin;
}

/**
 * One proxy with several lanes: listeners with a cluster and an upstream of their own, so that exchanges that run at the same
 * time never see each other's connections. Exchanges in one lane come one after the other.
 */
export class Lanes {
  readonly #process: RunningProcess;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #lanes: readonly Lane[];
  readonly #free: Set<Lane>;
  readonly #waiting: (() => void)[] = [];

  private constructor(process: RunningProcess, ports: ReadonlyMap<string, number>, lanes: readonly Lane[]) {
    this.#process = process;
    this.#ports = ports;
    this.#lanes = lanes;
    this.#free = new Set(lanes);
  }

  static async start(kind: ProxyKind, cases: readonly Case[]): Promise<Lanes> {
    const wanted = new Map<ConfigurationName, number>();
    for (const one of cases) wanted.set(configurationOf(one), (wanted.get(configurationOf(one)) ?? 0) + 1);
    const lanes: Lane[] = [];
    for (const [configuration, count] of wanted) {
      for (let number = Math.min(lanesMax, Math.ceil(count / casesPerLane)); number > 0; number--) {
        lanes.push({ name: `${configuration}-${number}`, configuration, origin: await ScriptedOrigin.start() });
      }
    }
    const folder = mkdtempSync(join(tmpdir(), 'envoy-diff-'));
    const config = join(folder, 'bootstrap.json');
    writeFileSync(config, JSON.stringify(bootstrap(lanes.map((lane) => ({ ...lane, originPort: lane.origin.port })))));
    const { running, admin } = await launchProxy(kind, config, folder);
    const ports = await running.until('ready with its listeners', () => listenerPorts(admin, lanes.length));
    await running.until('ready', () => isReady(admin));
    return new Lanes(running, ports, lanes);
  }

  /**
   * Runs the exchange, and looks at it when both ends have done their part and nothing has happened for `quietMs`. That is
   * also how it is known that a connection was kept.
   */
  async run(one: Case, quietMs: number): Promise<Observation> {
    const lane = await this.#take(configurationOf(one));
    try {
      return await exchange(one, this.#ports.get(lane.name)!, lane.origin, quietMs);
    } finally {
      lane.origin.drop();
      await pause(restMs);
      this.#free.add(lane);
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  async stop(): Promise<void> {
    for (const { origin } of this.#lanes) origin.stop();
    await this.#process.kill();
  }

  async #take(configuration: ConfigurationName): Promise<Lane> {
    for (;;) {
      for (const lane of this.#free) {
        if (lane.configuration !== configuration) continue;
        this.#free.delete(lane);
        return lane;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

async function exchange(one: Case, port: number, origin: ScriptedOrigin, quietMs: number): Promise<Observation> {
  let lastChangeMs = performance.now();
  const changed = () => {
    lastChangeMs = performance.now();
  };
  origin.begin(one, changed);
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const client = new ScriptedPeer(socket, changed);
  let performed = false;
  const performing = client.perform(one.client).then(() => {
    performed = true;
    changed();
  });
  const deadlineMs = performance.now() + exchangeMsMax;
  for (;;) {
    await pause(20);
    const nowMs = performance.now();
    if (nowMs > deadlineMs) break;
    // Silence tells less when the client has got nothing yet, or waits for something.
    const told = performed && (client.received !== '' || client.ended !== 'kept');
    if (nowMs - lastChangeMs >= (told ? quietMs : 3 * quietMs)) break;
  }
  const sent = one.client.filter((step) => typeof step === 'string' && step !== 'FIN' && step !== 'RST').join('');
  const observation = observe(sent, client, origin.connections);
  socket.destroy();
  await performing;
  return observation;
}

function configurationOf({ config = 'plain' }: Case): ConfigurationName {
  return config;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
