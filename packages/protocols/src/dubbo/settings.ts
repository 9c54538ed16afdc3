import { CodedError } from '@sofamesh/base/errors';

/** Plain data from the listener's configuration. Attachments lie behind the arguments, so finding them costs time. */
export interface DubboSettings {
  /** Arguments and attachments longer than this are not searched for a timeout, which is done for every call. */
  readonly timeoutScanBytesMax: number;
  /** The same for attachments that a route, a filter or a log asks for: beyond it a call has none, and edits to them are lost. */
  readonly attachmentScanBytesMax: number;
}

export const defaultDubboSettings: DubboSettings = {
  timeoutScanBytesMax: 8 * 1024,
  attachmentScanBytesMax: 1024 * 1024,
};

/** Throws `bad_settings` naming the field. */
export function dubboSettings(settings: unknown): DubboSettings {
  if (settings === undefined || settings === null) return defaultDubboSettings;
  if (typeof settings !== 'object') throw new CodedError('bad_settings', 'dubbo: settings are not an object');
  const given = settings as Record<string, unknown>;
  const read = (field: keyof DubboSettings): number => {
    const value = given[field] ?? defaultDubboSettings[field];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
    throw new CodedError('bad_settings', `dubbo: ${field} is not a whole number`);
  };
  return {
    timeoutScanBytesMax: read('timeoutScanBytesMax'),
    attachmentScanBytesMax: read('attachmentScanBytesMax'),
  };
}
