import { clientPreface, readFrames } from './http2-wire.ts';
import { readMessage, type WireMessage } from './wire.ts';

/** What was seen of one exchange, as lines that can be compared; whatever may rightly differ has been made the same. */
export interface Observation {
  readonly lines: readonly string[];
}

interface Seen {
  readonly received: string;
  readonly ended: string;
}

/** `sent`: all that the client wrote, to know which protocol it spoke and which methods the answers belong to. */
export function observe(sent: string, client: Seen, upstream: readonly Seen[]): Observation {
  const lines: string[] = [];
  if (sent.startsWith('PRI * HTTP/2.0') && !client.received.startsWith('HTTP/'))
    describeStreams(lines, 'client', client.received);
  else describeAnswers(lines, sent, client);
  lines.push(`client ${client.ended}`);
  describeUpstream(lines, upstream);
  return { lines };
}

function describeStreams(lines: string[], at: string, received: string): void {
  const { streams, goAway } = readFrames(received);
  for (const [id, { blocks, body, ended }] of streams) {
    for (const fields of blocks)
      for (const field of sorted(fields)) lines.push(`${at} stream ${id}: ${printField(field)}`);
    lines.push(`${at} stream ${id}: ${ended} ${print(body)}`);
  }
  if (goAway !== undefined) lines.push(`${at} GOAWAY ${goAway}`);
}

function describeAnswers(lines: string[], sent: string, client: Seen): void {
  const methods = requestMethods(sent);
  let rest = client.received;
  for (let number = 1; rest !== ''; number++) {
    const answerTo = methods[0] ?? 'GET';
    const message = readMessage(rest, { answerTo });
    if (message === undefined) {
      lines.push(`client ${number}: head cut ${print(rest)}`);
      break;
    }
    if (!/^HTTP\/1\.[01] 1(?!01)/.test(message.start)) methods.shift();
    describe(lines, `client ${number}`, message);
    rest = rest.slice(message.length);
    if (message.end === 'malformed') {
      lines.push(`client ${number}: then ${print(rest)}`);
      break;
    }
  }
}

function describeUpstream(lines: string[], upstream: readonly Seen[]): void {
  lines.push(`upstream connections ${upstream.length}`);
  upstream.forEach((connection, index) => {
    const at = `upstream ${index + 1}`;
    let left = connection.received;
    if (left.startsWith(clientPreface)) {
      describeStreams(lines, at, left.slice(clientPreface.length));
      left = '';
    }
    for (let number = 1; left !== ''; number++) {
      const message = readMessage(left, 'request');
      if (message === undefined) {
        lines.push(`${at}.${number}: head cut ${print(left)}`);
        break;
      }
      describe(lines, `${at}.${number}`, message);
      left = left.slice(message.length);
      if (message.end === 'malformed') {
        lines.push(`${at}.${number}: then ${print(left)}`);
        break;
      }
    }
    lines.push(`${at} ${connection.ended}`);
  });
}

/** Methods of what look like requests, as far as a message can be told from the next. */
function requestMethods(sent: string): string[] {
  const methods: string[] = [];
  let rest = sent.replace(/^(?:\r\n)+/, '');
  for (;;) {
    const message = readMessage(rest, 'request');
    if (message === undefined) break;
    methods.push(message.start.split(' ')[0] ?? '');
    rest = rest.slice(message.length);
    if (message.end !== 'complete') break;
  }
  return methods;
}

function describe(lines: string[], at: string, message: WireMessage): void {
  lines.push(`${at}: ${print(message.start)}`);
  for (const field of sorted(message.fields)) lines.push(`${at}: ${printField(field)}`);
  const end = message.end === 'complete' ? '' : ` ${message.end}`;
  lines.push(`${at}: body (${message.framing})${end} ${print(message.body)}`);
  for (const field of message.trailers) lines.push(`${at}: trailer ${printField(field)}`);
}

/** Order between fields of different names means nothing; order among those of one name does. */
function sorted(fields: WireMessage['fields']): WireMessage['fields'] {
  return [...fields].sort(([one], [other]) => compare(one.toLowerCase(), other.toLowerCase()));
}

/** Values that differ from run to run are only said to be there. */
function printField([name, value]: readonly [string, string]): string {
  switch (name.toLowerCase()) {
    case 'date':
      return Number.isNaN(Date.parse(value)) || value.length !== 29 ? `${name}: ${print(value)}` : `${name}: <date>`;
    case 'server':
      return `${name}: ${value === 'envoy' || value === 'mosn' ? '<proxy>' : print(value)}`;
    case 'x-request-id':
      return `${name}: ${/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value) ? '<uuid>' : print(value)}`;
    case 'x-envoy-upstream-service-time':
      return `${name}: ${/^\d+$/.test(value) ? '<ms>' : print(value)}`;
    case 'x-envoy-expected-rq-timeout-ms':
      // A second attempt has a little less of the route's 15 s.
      return `${name}: ${Number(value) > 14_000 && Number(value) <= 15_000 ? '<15000>' : print(value)}`;
    case 'connection':
      return `${name}: ${print(value.toLowerCase())}`;
    default:
      return `${name}: ${print(value)}`;
  }
}

const shownMax = 120;

function print(text: string): string {
  const shown = text.length > shownMax ? `${text.slice(0, shownMax)}… (${text.length}, ${checksum(text)})` : text;
  return JSON.stringify(shown).slice(1, -1).replaceAll('\\"', '"');
}

function checksum(text: string): string {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (sum * 31 + text.charCodeAt(at)) | 0;
  return (sum >>> 0).toString(16);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

export interface Difference {
  readonly envoy: readonly string[];
  readonly mosn: readonly string[];
}

/** The lines that only one of the two has; undefined when there are none. */
export function compareObservations(envoy: Observation, mosn: Observation): Difference | undefined {
  const left = [...mosn.lines];
  const onlyEnvoy = envoy.lines.filter((line) => {
    const at = left.indexOf(line);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
  return onlyEnvoy.length === 0 && left.length === 0 ? undefined : { envoy: onlyEnvoy, mosn: left };
}
