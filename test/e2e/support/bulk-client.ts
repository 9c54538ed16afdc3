import { once } from 'node:events';
import { Agent, request as request1 } from 'node:http';
import { type ClientHttp2Session, type ClientSessionOptions, connect, constants } from 'node:http2';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Readable, Writable } from 'node:stream';

export interface Upload {
  readonly body: Writable;
  /** The answer's text, when it has come. */
  answer(): Promise<string>;
}

/** A client whose bodies move only as fast as whoever holds the streams lets them. */
export interface BulkClient {
  /** The answer's body, of which nothing is read yet. */
  download(path: string): Promise<Readable>;
  upload(path: string): Upload;
  close(): void;
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** `url` may be `https:`; nothing is verified. */
export function http1Client(url: string): BulkClient {
  const secure = url.startsWith('https:');
  const agent = secure ? new SecureAgent({ rejectUnauthorized: false }) : new Agent();
  const open = (path: string, method: string) =>
    (secure ? secureRequest : request1)(new URL(path, url), { method, agent });
  return {
    async download(path) {
      const request = open(path, 'GET');
      request.end();
      const [response] = (await once(request, 'response')) as [Readable];
      return response;
    },
    upload(path) {
      const body = open(path, 'POST');
      const response = once(body, 'response') as Promise<[Readable]>;
      response.catch(() => {});
      return { body, answer: async () => textOf((await response)[0]) };
    },
    close: () => agent.destroy(),
  };
}

/** So that a stream that is not read leaves the connection's window to the others. */
const connectionWindowBytes = 8 * 1024 * 1024;

/** All on one connection. `settings` are those that it announces. */
export async function http2Client(
  url: string,
  settings: ClientSessionOptions['settings'] = {},
): Promise<BulkClient & { readonly session: ClientHttp2Session }> {
  const session = connect(url, { rejectUnauthorized: false, settings });
  session.on('error', () => {});
  await once(session, 'connect');
  session.setLocalWindowSize(connectionWindowBytes);
  const { HTTP2_HEADER_METHOD: method, HTTP2_HEADER_PATH: path } = constants;
  return {
    session,
    async download(target) {
      const stream = session.request({ [path]: target });
      await once(stream, 'response');
      return stream;
    },
    upload(target) {
      const stream = session.request({ [path]: target, [method]: 'POST' });
      stream.on('error', () => {});
      return { body: stream, answer: () => textOf(stream) };
    },
    close: () => session.destroy(),
  };
}
