import type { JsonValue } from '@bufbuild/protobuf';

const redactedText = '[redacted]';
const redactedBytes = Buffer.from(redactedText).toString('base64');

/** Fields that hold secrets: those that Envoy's API marks as sensitive, and what is sent to prove who we are. */
const sensitive: ReadonlySet<string> = new Set([
  'private_key',
  'private_key_provider',
  'pkcs12',
  'password',
  'session_ticket_keys',
  'generic_secret',
  'hmac_secret',
  'token_secret',
  'initial_metadata',
  'call_credentials',
]);

/** The same with every secret replaced, as Envoy prints it. */
export function redact(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, sensitive.has(key) ? hide(item, key) : redact(item)]),
  );
}

function hide(value: JsonValue, key: string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => hide(item, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, name === 'key' || name === '@type' ? item : hide(item, name)]),
    );
  }
  if (typeof value !== 'string') return value;
  return key === 'inline_bytes' || key === 'keys' ? redactedBytes : redactedText;
}
