import { CodedError } from '@sofamesh/base/errors';

/** Plain data from the listener's configuration. */
export interface BoltSettings {
  /**
   * Send a GOAWAY frame when draining. Off: sofa-bolt up to 1.6.10 and sofa-bolt-node close the connection, calls in flight
   * included, when they see its command code. MOSN's `enable_bolt_goaway`.
   */
  readonly goAwayFrame: boolean;
}

export const defaultBoltSettings: BoltSettings = { goAwayFrame: false };

/** Throws `bad_settings` naming the field. */
export function boltSettings(settings: unknown): BoltSettings {
  if (settings === undefined || settings === null) return defaultBoltSettings;
  if (typeof settings !== 'object') throw new CodedError('bad_settings', 'bolt: settings are not an object');
  const { goAwayFrame = defaultBoltSettings.goAwayFrame } = settings as Record<string, unknown>;
  if (typeof goAwayFrame !== 'boolean') throw new CodedError('bad_settings', 'bolt: goAwayFrame is not a boolean');
  return { goAwayFrame };
}
