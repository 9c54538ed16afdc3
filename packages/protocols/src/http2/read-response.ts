import { parseLength } from './field-list.ts';
import type { FieldReader } from './field-reader.ts';
import { Http2ResponseHead } from './response-head.ts';

/** The response that a well-formed block means (RFC 9113 §8.3.2), or what is wrong with it. */
export function readResponse(reader: FieldReader): Http2ResponseHead | string {
  const status = reader.status?.length === 3 ? parseLength(reader.status) : -1;
  if (status < 100) return ':status is not there or not a status';
  if (status === 101) return '101, which HTTP/2 does not have';
  if (status < 200 || status === 204) {
    // A length of what has none (RFC 9110 §8.6).
    if (reader.contentLength > 0) return `Content-Length in a response with status ${status}`;
  }
  return new Http2ResponseHead(status, reader.fields, reader.sensitive);
}
