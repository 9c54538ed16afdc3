import { isAuthority } from '../shared/authority.ts';
import { spells } from '../shared/octets.ts';
import {
  closeOption,
  closesByProxyConnection,
  forbiddenOption,
  keepAliveOption,
  readConnectionOptions,
  upgradeOption,
} from './connection-options.ts';
import { type Http1Fault, refused } from './fault.ts';
import {
  connectionField,
  droppedField,
  expectField,
  fieldWidth,
  hopField,
  hopKinds,
  hostField,
  plainField,
  teField,
  transferEncodingField,
  upgradeField,
} from './field-index.ts';
import { type Framing, fieldOf, noBody, readBodyFraming } from './framing.ts';
import type { HeadReader } from './head-reader.ts';
import { Http1RequestHead } from './request-head.ts';
import { parseAbsoluteTarget } from './request-target.ts';
import type { ResolvedHttp1Settings } from './settings.ts';

/**
 * From a head that `reader` has found well-formed to the request it means, or to the reason why it is refused: version,
 * framing, target and Host (RFC 9112 §3, §6; RFC 9110 §7.2). `framing` is filled in. `secure`: it came over TLS.
 */
export function readRequest(
  reader: HeadReader,
  framing: Framing,
  settings: ResolvedHttp1Settings,
  secure: boolean,
): Http1RequestHead | Http1Fault {
  const isHttp11 = reader.minorVersion === 1;
  if (reader.majorVersion !== 1 || reader.minorVersion > 1) {
    return refused('version_unsupported', `HTTP/${reader.majorVersion}.${reader.minorVersion}`, 505);
  }
  if (!isHttp11 && !settings.acceptHttp10) return refused('http10_refused', 'HTTP/1.0 is not accepted', 426);
  const fault = readBodyFraming(reader, framing, settings.allowChunkedLength);
  if (fault !== undefined) return fault;

  const text = reader.bytes.toString('latin1', 0, reader.end);
  const method = text.substring(0, reader.methodEnd);
  // The preface of HTTP/2: nobody means a method by it.
  if (method === 'PRI') return refused('bad_method', 'PRI is no method');
  let path = text.substring(reader.methodEnd + 1, reader.targetEnd);
  let scheme = secure ? 'https' : 'http';

  if (reader.repeatedKinds & (1 << hostField)) return refused('duplicate_host', 'more than one Host');
  let authority = '';
  if (reader.kinds & (1 << hostField)) {
    const at = fieldOf(reader, hostField);
    authority = text.substring(reader.fields[at + 3]!, reader.fields[at + 4]!);
    if (!isAuthority(authority)) return refused('bad_host', 'Host is not a host with an optional port');
  } else if (isHttp11) return refused('missing_host', 'no Host');
  const received = authority;

  let originForm = true;
  if (method === 'CONNECT') {
    if (!isAuthority(path, true)) return refused('bad_target', 'target of CONNECT is not host:port');
    if (framing.body !== noBody) return refused('bad_connect', 'CONNECT with a body');
    authority = path;
    path = '';
    originForm = false;
  } else if (path.charCodeAt(0) !== 0x2f) {
    if (path === '*') {
      if (method !== 'OPTIONS') return refused('bad_target', 'target * is for OPTIONS only');
    } else {
      const absolute = parseAbsoluteTarget(path);
      if (absolute === undefined) return refused('bad_target', 'target is neither a path nor an http URL');
      if (!settings.allowAbsoluteUrl) return refused('absolute_path_rejected', 'target is a URL', 404);
      scheme = absolute.scheme;
      authority = absolute.authority;
      path = absolute.path === '' ? (method === 'OPTIONS' ? '*' : '/') : absolute.path;
      originForm = false;
    }
  }
  if (authority === '') {
    if (settings.defaultHostForHttp10 === undefined) return refused('missing_host', 'no Host');
    authority = settings.defaultHostForHttp10;
  }

  framing.keepAlive = isHttp11;
  framing.expectContinue = false;
  let upgrade: string | undefined;
  let acceptsTrailers = false;
  if (reader.kinds & hopKinds) {
    const options = reader.kinds & (1 << connectionField) ? readConnectionOptions(reader) : 0;
    if (options & forbiddenOption) {
      return refused('connection_header_rejected', 'Connection names a field that says who asks, or whom');
    }
    framing.keepAlive = (options & closeOption) === 0 && (isHttp11 || (options & keepAliveOption) !== 0);
    if (reader.kinds & (1 << hopField) && closesByProxyConnection(reader)) framing.keepAlive = false;
    if (options & upgradeOption && isHttp11 && framing.body === noBody && method !== 'CONNECT') {
      upgrade = readUpgrade(reader);
    }
    const expectStays = settings.proxy100Continue;
    acceptsTrailers = settleHopFields(reader, framing, isHttp11, upgrade !== undefined, expectStays);
  }

  const head = new Http1RequestHead(reader, text, {
    protocol: isHttp11 ? 'HTTP/1.1' : 'HTTP/1.0',
    method,
    path,
    authority,
    scheme,
    upgrade,
    contentLength: framing.contentLength,
    lineIntact: originForm && isHttp11,
    hostIntact: authority === received,
  });
  if (acceptsTrailers) head.added = ['te', 'trailers'];
  return head;
}

/** The one protocol that is asked for, lower case. A list, or h2c (which would leave our sight), is not an upgrade. */
function readUpgrade(reader: HeadReader): string | undefined {
  if ((reader.kinds & (1 << upgradeField)) === 0 || reader.repeatedKinds & (1 << upgradeField)) return undefined;
  const at = fieldOf(reader, upgradeField);
  const protocol = reader.bytes.toString('latin1', reader.fields[at + 3]!, reader.fields[at + 4]!).toLowerCase();
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+(?:\/[!#$%&'*+\-.^_`|~0-9a-z]+)?$/.test(protocol) && protocol !== 'h2c'
    ? protocol
    : undefined;
}

/** Drops what is of this hop only. True: `TE: trailers` is to be said anew, for it came in a list. */
function settleHopFields(
  reader: HeadReader,
  framing: Framing,
  isHttp11: boolean,
  upgrades: boolean,
  expectStays: boolean,
): boolean {
  const { bytes, fields, fieldsLength } = reader;
  let acceptsTrailers = false;
  let said = false;
  for (let at = 0; at < fieldsLength; at += fieldWidth) {
    const start = fields[at + 3]!;
    const length = fields[at + 4]! - start;
    switch (fields[at]) {
      case transferEncodingField:
      case connectionField:
      case hopField:
        fields[at] = droppedField;
        break;
      case upgradeField:
        fields[at] = upgrades ? plainField : droppedField;
        break;
      case expectField:
        if (length === 12 && spells(bytes, start, '100-continue')) {
          framing.expectContinue = isHttp11 && framing.body !== noBody;
          fields[at] = expectStays && framing.expectContinue ? plainField : droppedField;
        } else fields[at] = plainField;
        break;
      case teField:
        fields[at] = droppedField;
        if (!said && length === 8 && spells(bytes, start, 'trailers')) {
          fields[at] = plainField;
          said = true;
        } else if (/(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(bytes.toString('latin1', start, start + length))) {
          acceptsTrailers = true;
        }
        break;
      default:
        break;
    }
  }
  return acceptsTrailers && !said;
}
