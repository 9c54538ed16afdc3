import type { JsonObject } from '@bufbuild/protobuf';
import { optional } from './envoy-json.ts';
import type { JsonFields } from './json-fields.ts';

const versions: Readonly<Record<string, string>> = {
  tls_auto: 'TLS_AUTO',
  tlsv1_0: 'TLSv1_0',
  tlsv1_1: 'TLSv1_1',
  tlsv1_2: 'TLSv1_2',
  tlsv1_3: 'TLSv1_3',
};
const curves: Readonly<Record<string, string>> = { x25519: 'X25519', p256: 'P-256', p384: 'P-384', p521: 'P-521' };
/** Suites of TLS 1.3, of which there is no choice to make. */
const alwaysOffered: ReadonlySet<string> = new Set(['AES256-GCM-SHA384', 'AES128-GCM-SHA256']);

/** Versions, suites and curves: Envoy's `tls_params`. */
export function readTlsParameters(tls: JsonFields): JsonObject {
  const least = readVersion(tls, 'min_version');
  const most = readVersion(tls, 'max_version');
  if (most === 'TLSv1_0' || most === 'TLSv1_1') tls.refuse('max_version', 'versions below 1.2 are broken (RFC 8996)');
  const old = least === 'TLSv1_0' || least === 'TLSv1_1';
  if (old) tls.warn('min_version', 'versions below 1.2 are not offered (RFC 8996)');
  const suites = (tls.text('cipher_suites') ?? '').split(':').flatMap((name) => suiteOf(name.trim()));
  return optionalParams({
    ...optional('tls_minimum_protocol_version', old ? 'TLSv1_2' : least),
    ...optional('tls_maximum_protocol_version', most),
    ...optional('cipher_suites', suites),
    ...optional('ecdh_curves', readCurves(tls)),
  });
}

function optionalParams(params: JsonObject): JsonObject {
  return Object.keys(params).length === 0 ? {} : { tls_params: params };
}

function readVersion(tls: JsonFields, name: string): string | undefined {
  const text = tls.text(name)?.toLowerCase();
  if (text === undefined) return undefined;
  const version = Object.hasOwn(versions, text) ? versions[text] : undefined;
  if (version === undefined) tls.refuse(name, `must be one of ${Object.keys(versions).join(', ')}`);
  return version === 'TLS_AUTO' ? undefined : version;
}

/** MOSN spells some of OpenSSL's names at length; whether OpenSSL has the suite is for it to say. */
function suiteOf(name: string): string[] {
  if (name === '' || alwaysOffered.has(name)) return [];
  return [name.replace('-WITH-CHACHA20', '-CHACHA20').replace('-CBC-SHA', '-SHA').replace(/^RSA-/, '')];
}

function readCurves(tls: JsonFields): string[] {
  const names = (tls.text('ecdh_curves') ?? '').split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  return names.flatMap((name) => {
    const curve = Object.hasOwn(curves, name.toLowerCase()) ? curves[name.toLowerCase()] : undefined;
    if (curve !== undefined) return [curve];
    tls.refuse('ecdh_curves', `must be some of ${Object.keys(curves).join(', ')}`);
    return [];
  });
}
