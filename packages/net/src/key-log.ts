import { createWriteStream, type WriteStream } from 'node:fs';
import { BlockList } from 'node:net';
import type { Address } from '@sofamesh/base/address';
import type { KeyLog } from '@sofamesh/contract/transport';

/** Open files by their path; several listeners may share one. */
const files = new Map<string, WriteStream>();

/** Who may read the keys to all that was said: the owner. */
const fileMode = 0o600;

function fileAt(path: string): WriteStream {
  let file = files.get(path);
  if (file === undefined) {
    file = createWriteStream(path, { flags: 'a', mode: fileMode });
    // A disk that is full must not end the proxy; the next line tries to open the file again.
    file.on('error', () => files.delete(path));
    files.set(path, file);
  }
  return file;
}

/** Writes the secrets of the sessions whose addresses are in the configured ranges. */
export class KeyLogger {
  readonly #path: string;
  readonly #local: Ranges | undefined;
  readonly #remote: Ranges | undefined;

  constructor({ path, localRanges, remoteRanges }: KeyLog) {
    this.#path = path;
    this.#local = rangesOf(localRanges);
    this.#remote = rangesOf(remoteRanges);
  }

  log(line: Buffer, local: Address, remote: Address): void {
    if (isIn(this.#local, local) && isIn(this.#remote, remote)) fileAt(this.#path).write(line);
  }
}

/** IPv4 and IPv6 apart: Node's list takes an IPv4 address for an IPv6 one as well. */
type Ranges = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

function rangesOf(ranges: readonly string[]): Ranges | undefined {
  if (ranges.length === 0) return undefined;
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    const family = familyOf(network);
    lists[family].addSubnet(network, Number(bits), family);
  }
  return lists;
}

function isIn(ranges: Ranges | undefined, address: Address): boolean {
  if (ranges === undefined) return true;
  if (address.kind !== 'ip') return false;
  const family = familyOf(address.host);
  return ranges[family].check(address.host, family);
}

function familyOf(host: string): 'ipv4' | 'ipv6' {
  return host.includes(':') ? 'ipv6' : 'ipv4';
}
