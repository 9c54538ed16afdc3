import type { Instance, RegistrySink, Service, ServiceKey } from '@sofamesh/contract/registry';
import { ipFamily } from '@sofamesh/model/ip';
import { UNIX_PREFIX } from '@sofamesh/model/rules/addresses';
import { destinationHost, fqdn, serviceHost } from '@sofamesh/model/rules/names';
import type { ServiceConflict } from './build.ts';

/** `NAMESPACE/HOST`. */
export function keyOf({ namespace, host }: ServiceKey): string {
  return `${namespace}/${host}`;
}

/**
 * What one registry has said, its latest word on each service. What no proxy could use (names, ports or addresses that are
 * none) is left out.
 */
export class RegisteredServices implements RegistrySink {
  readonly registry: string;
  readonly services = new Map<string, Service>();
  readonly instances = new Map<string, readonly Instance[]>();
  readonly #faults = new Map<string, ServiceConflict>();
  readonly #onChange: () => void;

  constructor(registry: string, onChange: () => void) {
    this.registry = registry;
    this.#onChange = onChange;
  }

  conflicts(): readonly ServiceConflict[] {
    return [...this.#faults.values()];
  }

  putService(service: Service): void {
    const key = keyOf(service);
    const fault = serviceFault(service);
    this.#setFault(`service ${key}`, service, fault);
    if (fault === undefined) this.services.set(key, service);
    else this.services.delete(key);
    this.#onChange();
  }

  removeService(service: ServiceKey): void {
    const key = keyOf(service);
    this.services.delete(key);
    this.instances.delete(key);
    this.#faults.delete(`service ${key}`);
    this.#faults.delete(`instances ${key}`);
    this.#onChange();
  }

  putInstances(service: ServiceKey, instances: readonly Instance[]): void {
    const key = keyOf(service);
    const good = instances.filter((instance) => instanceFault(instance) === undefined);
    const bad = instances.find((instance) => instanceFault(instance) !== undefined);
    const fault =
      bad === undefined
        ? undefined
        : `has ${instances.length - good.length} instances that are left out; the first ${instanceFault(bad)}`;
    this.#setFault(`instances ${key}`, service, fault);
    this.instances.set(key, good);
    this.#onChange();
  }

  #setFault(about: string, { host, namespace }: ServiceKey, fault: string | undefined): void {
    if (fault === undefined) this.#faults.delete(about);
    else this.#faults.set(about, { host, namespace, reason: `of registry ${this.registry} ${fault}` });
  }
}

function serviceFault({ host, aliases, addresses, ports }: Service): string | undefined {
  const hostFault = destinationHost(host);
  if (hostFault !== undefined) return `is left out: its host ${hostFault}`;
  const alias = aliases.find((name) => serviceHost(name) !== undefined);
  if (alias !== undefined) return `is left out: its alias ${JSON.stringify(alias)} ${serviceHost(alias)}`;
  const address = addresses.find((one) => ipFamily(one) === 0);
  if (address !== undefined) return `is left out: its address ${JSON.stringify(address)} is no IP address`;
  const port = ports.find(({ number }) => !isPort(number));
  return port === undefined
    ? undefined
    : `is left out: its port ${JSON.stringify(port.name)} has the number ${port.number}`;
}

function instanceFault({ address, ports, weight }: Instance): string | undefined {
  if (ipFamily(address) === 0 && !address.startsWith(UNIX_PREFIX) && fqdn(address) !== undefined) {
    return `has the address ${JSON.stringify(address)}`;
  }
  const port = Object.entries(ports).find(([, number]) => !isPort(number));
  if (port !== undefined) return `has the number ${port[1]} for its port ${JSON.stringify(port[0])}`;
  return Number.isInteger(weight) && weight >= 1 ? undefined : `has the weight ${weight}`;
}

function isPort(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 65_535;
}
