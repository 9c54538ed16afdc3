import { isAuthority } from '../shared/authority.ts';
import { isAll, octetClass, targetOctet, tokenOctet } from '../shared/octets.ts';
import type { FieldReader } from './field-reader.ts';
import { Http2RequestHead } from './request-head.ts';
import { offerKey } from './websocket.ts';

/**
 * The request that a well-formed block means (RFC 9113 §8.3.1, §8.5; RFC 8441 §4), or what is wrong with it.
 * `allowConnect`: extended CONNECT was offered.
 */
export function readRequest(reader: FieldReader, allowConnect: boolean): Http2RequestHead | string {
  const { method, scheme, path, protocol } = reader;
  if (method === undefined || !isMethod(method)) return ':method is not there or not the name of a method';
  const authority = reader.authority ?? reader.host;
  if (authority === undefined) return 'neither :authority nor Host';
  if (!isAuthority(authority)) return ':authority is not a host with an optional port';
  if (reader.host !== undefined && reader.host !== authority) return 'Host is not what :authority is';
  if (method === 'CONNECT' && protocol === undefined) return readConnect(reader, authority);
  if (scheme !== 'http' && scheme !== 'https') return ':scheme is not there or neither http nor https';
  if (path === undefined || !isPath(path, method)) return ':path is not there or not a path';
  const line = { method, scheme, authority, path };
  if (protocol === undefined) return new Http2RequestHead(line, reader.fields, reader.sensitive, undefined);
  if (method !== 'CONNECT' || !allowConnect) return ':protocol where it was not allowed';
  if (!isAll(protocol, tokenOctet)) return ':protocol is not the name of a protocol';
  if (reader.contentLength >= 0) return 'CONNECT with a length';
  const head = new Http2RequestHead(line, reader.fields, reader.sensitive, protocol.toLowerCase());
  offerKey(head);
  return head;
}

function readConnect(reader: FieldReader, authority: string): Http2RequestHead | string {
  if (reader.scheme !== undefined || reader.path !== undefined) return 'CONNECT with :scheme or :path';
  if (reader.authority === undefined || !isAuthority(authority, true)) return 'target of CONNECT is not host:port';
  if (reader.contentLength >= 0) return 'CONNECT with a length';
  const line = { method: 'CONNECT', scheme: '', authority, path: '' };
  return new Http2RequestHead(line, reader.fields, reader.sensitive, undefined);
}

/** Methods are told apart by case (RFC 9110 §9.1); `get` is nobody's, and somebody might take it for GET. */
function isMethod(method: string): boolean {
  return isAll(method, tokenOctet) && method === method.toUpperCase();
}

function isPath(path: string, method: string): boolean {
  if (path.charCodeAt(0) !== 0x2f) return path === '*' && method === 'OPTIONS';
  for (let at = 1; at < path.length; at++) if ((octetClass[path.charCodeAt(at)]! & targetOctet) === 0) return false;
  return true;
}
