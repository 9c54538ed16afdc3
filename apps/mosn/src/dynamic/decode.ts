import { create, type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { messageOf } from '@sofamesh/base/errors';
import type { ReceivedResource, ResourceError } from '@sofamesh/xds/client/ads-client';
import { contentVersion } from '../config/content-version.ts';
import type { Stored } from './entry.ts';

export interface Decoded<Read> {
  readonly name: string;
  /** Undefined: it cannot be used, and the errors say why. */
  readonly stored: Stored<Read> | undefined;
}

export interface DecodedResponse<Read> {
  readonly resources: readonly Decoded<Read>[];
  readonly errors: ResourceError[];
  /** A resource has no name that could be told, so nothing can be said to be missing. */
  readonly incomplete: boolean;
}

/** Decodes and reads the resources of a response, each by itself: a bad one does not touch the others. */
export function decodeResponse<Desc extends DescMessage, Read>(
  schema: Desc,
  nameOf: (message: MessageShape<Desc>) => string,
  read: (message: MessageShape<Desc>, contentVersion: string) => Read,
  received: readonly ReceivedResource[],
  versionInfo: string,
  nowMs: number,
): DecodedResponse<Read> {
  const resources: Decoded<Read>[] = [];
  const errors: ResourceError[] = [];
  const names = new Set<string>();
  let incomplete = false;
  for (const [index, { name: wrapperName, typeUrl, value }] of received.entries()) {
    const any = create(AnySchema, { typeUrl, value });
    let name = wrapperName ?? '';
    const refuse = (reason: string) => errors.push({ name: name === '' ? `resource ${index}` : name, reason });
    if (!typeUrl.endsWith(`/${schema.typeName}`)) {
      refuse(`is a ${typeUrl} in a response of ${schema.typeName}`);
      incomplete ||= name === '';
      continue;
    }
    let stored: Stored<Read> | undefined;
    try {
      const message = fromBinary(schema, value);
      name = nameOf(message) || name;
      const version = contentVersion(value);
      stored = { any, contentVersion: version, versionInfo, lastUpdatedMs: nowMs, read: read(message, version) };
    } catch (thrown) {
      refuse(messageOf(thrown));
      incomplete ||= name === '';
    }
    if (name === '' && stored !== undefined) {
      refuse('name: "": must not be empty');
      incomplete = true;
    } else if (names.has(name)) refuse('is in the response twice');
    else if (name !== '') resources.push({ name, stored });
    names.add(name);
  }
  return { resources, errors, incomplete };
}
