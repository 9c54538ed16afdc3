import { isUtf8 } from 'node:buffer';

/** A longer body is not looked into for arguments: what a route asks for must not cost more than the call. */
export const argumentBytesMax = 1024 * 1024;
/** Arguments that are read of one call. */
export const argumentsMax = 64;

/** A text in UTF-8; undefined for any other bytes. */
export function argumentText(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
