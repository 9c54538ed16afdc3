import { createHash } from 'node:crypto';

/**
 * Version of a resource for the engine: equal content has an equal one. The version that a control plane gives holds for
 * a whole response, and would make every push a change of everything.
 */
export function contentVersion(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('base64url').slice(0, 16);
}
