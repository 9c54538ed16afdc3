import { BytesCache } from '../bytes-cache.ts';

/** What the name of a message says. */
export interface CallName {
  /** Empty where several services do not share a connection. */
  readonly service: string;
  readonly method: string;
}

/** `Service:method` (Thrift's TMultiplexedProtocol) or `method`, which no interface definition lets contain a colon. */
export const callNames = new BytesCache<CallName>((bytes, start, end) => {
  const text = bytes.toString('utf8', start, end);
  const colon = text.indexOf(':');
  return { service: text.slice(0, Math.max(0, colon)), method: text.slice(colon + 1) };
});

/** The method in the name of a call, which alone is what its reply is named. */
export function methodBytes(bytes: Buffer, start: number, end: number): Buffer {
  const name = bytes.subarray(start, end);
  return name.subarray(name.indexOf(0x3a) + 1);
}

/** The name of a call after an edit of its parts. */
export function editedName(received: CallName, service: string | undefined, method: string | undefined): Buffer {
  const prefix = service ?? received.service;
  return Buffer.from(`${prefix === '' ? '' : `${prefix}:`}${method ?? received.method}`);
}
