import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { CidrRange, Address as EnvoyAddress } from '@sofamesh/api/gen/envoy/config/core/v3/address_pb';
import type { DataSource } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { Address } from '@sofamesh/base/address';
import { messageOf } from '@sofamesh/base/errors';
import { FieldError } from '@sofamesh/base/field-error';

export { FieldError };

/** A value that is described rather than quoted. */
export function shown(text: string): { toString(): string } {
  return { toString: () => text };
}

/** Of a field that is given and should not be. */
export const present = shown('present');

/** Milliseconds; `fallback` when the field is absent. Negative durations are refused. */
export function durationMs(duration: Duration | undefined, fallback: number, path: string): number {
  if (duration === undefined) return fallback;
  const value = Number(duration.seconds) * 1000 + duration.nanos / 1e6;
  if (value < 0) throw new FieldError(path, `${value}ms`, 'must not be negative');
  return value;
}

export function addressOf(address: EnvoyAddress | undefined, path: string): Address {
  if (address?.address.case === 'pipe') return { kind: 'pipe', path: address.address.value.path };
  if (address?.address.case !== 'socketAddress')
    throw new FieldError(path, address?.address.case, 'must be a socket_address or a pipe');
  const socket = address.address.value;
  if (socket.portSpecifier.case === 'namedPort')
    throw new FieldError(`${path}.socket_address.named_port`, socket.portSpecifier.value, 'is not supported');
  const port = socket.portSpecifier.value ?? 0;
  if (port > 65535) throw new FieldError(`${path}.socket_address.port_value`, port, 'must be at most 65535');
  if (socket.address === '') throw new FieldError(`${path}.socket_address.address`, '', 'must not be empty');
  return { kind: 'ip', host: socket.address, port };
}

/** Text of a file, an environment variable or the configuration itself. Undefined when nothing is given. */
export function dataOf(source: DataSource | undefined, path: string): string | undefined {
  switch (source?.specifier.case) {
    case undefined:
      return undefined;
    case 'inlineString':
      return source.specifier.value;
    case 'inlineBytes':
      return Buffer.from(source.specifier.value).toString('utf8');
    case 'environmentVariable': {
      const value = process.env[source.specifier.value];
      if (value === undefined)
        throw new FieldError(`${path}.environment_variable`, source.specifier.value, 'is not set');
      return value;
    }
    case 'filename':
      try {
        return readFileSync(source.specifier.value, 'utf8');
      } catch (thrown) {
        throw new FieldError(`${path}.filename`, source.specifier.value, messageOf(thrown), { cause: thrown });
      }
  }
}

/** The file that {@link dataOf} reads; undefined where it reads none. */
export function fileOf(source: DataSource | undefined): string | undefined {
  return source?.specifier.case === 'filename' ? source.specifier.value : undefined;
}

/** A literal IPv4 or IPv6 address, without brackets. */
export function isIpLiteral(host: string): boolean {
  return isIP(host) !== 0;
}

/** `10.0.0.0/8`. */
export function prefixOf({ addressPrefix, prefixLen }: CidrRange, path: string): string {
  if (!isIpLiteral(addressPrefix))
    throw new FieldError(`${path}.address_prefix`, addressPrefix, 'must be an IP address');
  const bitsMax = addressPrefix.includes(':') ? 128 : 32;
  const bits = prefixLen ?? 0;
  if (bits > bitsMax) throw new FieldError(`${path}.prefix_len`, bits, `must be at most ${bitsMax}`);
  return `${addressPrefix}/${bits}`;
}

/** `[1, 2]` of the items that could be read; the first that cannot be throws. */
export function mapAt<From, To>(items: readonly From[], path: string, read: (item: From, path: string) => To): To[] {
  return items.map((item, at) => read(item, `${path}[${at}]`));
}

/** Snake case, as people write configuration. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
