import { isIP } from 'node:net';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

const typePrefix = 'type.googleapis.com/';

/** `{ name, typed_config }`, the form of every extension. */
export function extension(name: string, type: string, fields: JsonObject = {}): JsonObject {
  return { name, typed_config: message(type, fields) };
}

/** An Any of the named message. */
export function message(type: string, fields: JsonObject = {}): JsonObject {
  return { '@type': `${typePrefix}${type}`, ...fields };
}

/** `{ name: value }`, or nothing where there is nothing to say. */
export function optional(name: string, value: JsonValue | undefined): JsonObject {
  const empty = value === undefined || (Array.isArray(value) && value.length === 0);
  return empty ? {} : { [name]: value };
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:80`, `[::1]:80`, `name:80`; as in Go, no host means all addresses. Undefined: it is none of these. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^\][]*)\]|([^:\][]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain = '', digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined;
  return { host: bracketed ?? (plain === '' ? '0.0.0.0' : plain), port };
}

export function socketAddress({ host, port }: HostPort, protocol?: 'UDP'): JsonObject {
  return { socket_address: { ...optional('protocol', protocol), address: host, port_value: port } };
}

export function pipeAddress(path: string): JsonObject {
  return { pipe: { path } };
}

/** A PEM text itself, else the file that it names. */
export function pemSource(text: string): JsonObject {
  return text.includes('-----BEGIN') ? { inline_string: text } : { filename: text };
}
