import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

/** What the metrics mean, for `# HELP`; names are istiod's where it has the same. */
const help: Readonly<Record<string, string>> = {
  pilot_xds: 'Proxies connected by xDS.',
  pilot_xds_pushes: 'Responses sent to proxies.',
  pilot_total_xds_rejects: 'Responses that a proxy refused.',
  pilot_xds_expired_nonce: 'Requests that answered an older response.',
  pilot_services: 'Services known.',
  pilot_endpoints: 'Instances of all services.',
  pilot_config_objects: 'Resources in force.',
  pilot_config_errors: 'Errors in resources now.',
  pilot_config_warnings: 'Warnings about resources now.',
  pilot_snapshots_total: 'Changes of the mesh that were worked into a snapshot.',
  pilot_translation_failures: 'Proxies whose resources could not be made from a snapshot.',
  pilot_proxy_convergence_time: 'Seconds from a change to the last proxy having been sent it.',
  pilot_translation_time: 'Seconds to make the resources of one proxy.',
  pilot_push_backlog: 'Proxies that wait for the newest snapshot.',
};

const secondsBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10, 30];

/** meshd's metrics, in Prometheus' form. */
export class Metrics implements Stats {
  readonly #registry = new Registry();
  readonly #known = new Map<string, Counter | Gauge | Histogram>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  counter(name: string): Counter {
    return this.#once(name, (options) => {
      const metric = new PromCounter(options);
      const counter = {
        value: 0,
        increment: () => counter.add(1),
        add(amount: number) {
          counter.value += amount;
          metric.inc(amount);
        },
      };
      return counter;
    });
  }

  gauge(name: string): Gauge {
    return this.#once(name, (options) => {
      const metric = new PromGauge(options);
      const gauge = {
        value: 0,
        set(value: number) {
          gauge.value = value;
          metric.set(value);
        },
        add: (amount: number) => gauge.set(gauge.value + amount),
      };
      return gauge;
    });
  }

  /** Of seconds. */
  histogram(name: string): Histogram {
    return this.#once(name, (options) => {
      const metric = new PromHistogram({ ...options, buckets: secondsBuckets });
      return { record: (value: number) => metric.observe(value) };
    });
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #once<Metric extends Counter | Gauge | Histogram>(
    name: string,
    make: (options: { name: string; help: string; registers: Registry[] }) => Metric,
  ): Metric {
    let metric = this.#known.get(name) as Metric | undefined;
    if (metric === undefined) {
      metric = make({ name, help: help[name] ?? name, registers: [this.#registry] });
      this.#known.set(name, metric);
    }
    return metric;
  }
}
