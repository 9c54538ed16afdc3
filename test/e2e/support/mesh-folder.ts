import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const repository = join(import.meta.dirname, '..', '..', '..');

/**
 * Addresses of a mesh that no other on this machine has: 127.A.B.11 and on, in the order of the workloads. Tests run
 * side by side, and beside the meshes that people run.
 */
export class AddressRange {
  readonly #prefix = `127.${between(16, 250)}.${between(0, 250)}`;
  #next = 11;

  next(): string {
    return `${this.#prefix}.${this.#next++}`;
  }

  has(address: string): boolean {
    return address.startsWith(`${this.#prefix}.`);
  }
}

function between(least: number, most: number): number {
  return least + Math.floor(Math.random() * (most - least + 1));
}

/** A folder that `meshctl up` can run, gone after the test. It lies in the repository, so that its programs find packages. */
export class MeshFolder {
  readonly path: string;
  readonly range = new AddressRange();
  /** By workload. */
  readonly addresses: ReadonlyMap<string, string>;

  private constructor(files: (path: string) => void) {
    const parent = join(repository, '.mesh');
    mkdirSync(parent, { recursive: true });
    this.path = mkdtempSync(join(parent, 'e2e-'));
    files(this.path);
    const addresses = new Map<string, string>();
    this.edit('up.yaml', (text) =>
      text.replace(/^( {2}- name: )([\w-]+).*$/gm, (_line, start: string, name: string) => {
        const address = this.range.next();
        addresses.set(name, address);
        return `${start}${name}\n    address: ${address}`;
      }),
    );
    this.addresses = addresses;
  }

  /**
   * A copy of the example, without what an earlier run left in it, and with routes that wait for long: on a machine with
   * much to do, only the timeouts that a test sets are to be met.
   */
  static bookstore(): MeshFolder {
    const from = join(repository, 'examples', 'bookstore');
    const folder = new MeshFolder((path) =>
      cpSync(from, path, { recursive: true, filter: (file) => !/\/(?:\.mesh|node_modules)$/.test(file) }),
    );
    for (const name of ['catalog', 'inventory', 'pricing'])
      folder.edit(`config/${name}.yaml`, (text) => text.replace(/\b(timeout|perTryTimeout): \w+/g, '$1: 20s'));
    return folder;
  }

  /** Texts by path. */
  static of(files: Readonly<Record<string, string>>): MeshFolder {
    return new MeshFolder((path) => {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        writeFileSync(join(path, name), text);
      }
    });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), text);
  }

  /** Throws when the edit changes nothing: the example is not what the test takes it for. */
  edit(name: string, change: (text: string) => string): void {
    const before = this.read(name);
    const after = change(before);
    if (after === before) throw new Error(`${name}: the edit changes nothing`);
    this.write(name, after);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
