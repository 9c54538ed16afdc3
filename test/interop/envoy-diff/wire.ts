/** HTTP/1 messages as a bystander reads them off the wire: enough to describe what a proxy wrote, strict enough to notice. */
export interface WireMessage {
  /** First line without its line end. */
  readonly start: string;
  /** In order, names as written. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close' | 'tunnel';
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** `cut`: the bytes end before the message does. */
  readonly end: 'complete' | 'cut' | 'malformed';
  /** Octets from the start of the message to its end. */
  readonly length: number;
}

/** What the next message is: a request, or the response to a request with this method. */
export type Expected = 'request' | { readonly answerTo: string };

/** Reads the message at the start of `text` (octets as characters); undefined: not even its head is whole. */
export function readMessage(text: string, expected: Expected): WireMessage | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [start = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const fields = lines.map(splitField);
  const rest = text.slice(headEnd + 4);
  const body = readBody(rest, start, fields, expected);
  return { start, fields, ...body, length: headEnd + 4 + body.length };
}

function splitField(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, '<no colon>'] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}

type Body = Pick<WireMessage, 'framing' | 'body' | 'trailers' | 'end' | 'length'>;

function readBody(rest: string, start: string, fields: WireMessage['fields'], expected: Expected): Body {
  const whole = (framing: WireMessage['framing'], length: number): Body => ({
    framing,
    body: rest.slice(0, length),
    trailers: [],
    end: 'complete',
    length,
  });
  const value = (name: string) => fields.find(([each]) => each.toLowerCase() === name)?.[1];
  if (expected === 'request') {
    const asks = start.startsWith('CONNECT ') || value('upgrade') !== undefined;
    // Whether a tunnel was granted is not known here: another request behind says that it was not.
    if (asks && !/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(rest)) return whole('tunnel', rest.length);
  } else {
    const status = Number(start.split(' ')[1]);
    if (status === 101 || (expected.answerTo === 'CONNECT' && status >= 200 && status < 300))
      return whole('tunnel', rest.length);
    if (status < 200 || status === 204 || status === 304 || expected.answerTo === 'HEAD') return whole('none', 0);
  }
  if (value('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(rest);
  const length = value('content-length');
  if (length !== undefined) {
    if (!/^\d{1,15}$/.test(length)) return { ...whole('length', 0), end: 'malformed' };
    const octets = Number(length);
    return { ...whole('length', Math.min(octets, rest.length)), end: octets > rest.length ? 'cut' : 'complete' };
  }
  return expected === 'request' ? whole('none', 0) : whole('close', rest.length);
}

function readChunks(rest: string): Body {
  let at = 0;
  let body = '';
  const ended = (end: WireMessage['end'], trailers: WireMessage['trailers'] = []): Body => ({
    framing: 'chunked',
    body,
    trailers,
    end,
    length: end === 'cut' ? rest.length : at,
  });
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return ended('cut');
    const line = rest.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(line)) return ended('malformed');
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size > 0) {
      body += rest.slice(at, at + size);
      at += size + 2;
      if (at > rest.length) return ended('cut');
      continue;
    }
    const trailers: (readonly [string, string])[] = [];
    for (;;) {
      const end = rest.indexOf('\r\n', at);
      if (end < 0) return ended('cut');
      const field = rest.slice(at, end);
      at = end + 2;
      if (field === '') return ended('complete', trailers);
      trailers.push(splitField(field));
    }
  }
}
