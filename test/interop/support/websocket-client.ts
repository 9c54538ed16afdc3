import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequestArgs, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { type CallerOptions, type Dialect, isHttp2, isTls } from './http-caller.ts';
import { FrameClient } from './websocket-frames.ts';
import { acceptOf } from './websocket-server.ts';

export interface OpenWebSocket {
  frames: FrameClient;
  headers: Record<string, unknown>;
  close(): void;
}

/** The handshake was answered otherwise. */
export class HandshakeRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`answered ${status}`);
    this.status = status;
  }
}

/** Opens a WebSocket by Upgrade or by extended CONNECT. Throws HandshakeRefused. */
export function openWebSocket(
  dialect: Dialect,
  port: number,
  path: string,
  options: CallerOptions = {},
): Promise<OpenWebSocket> {
  return isHttp2(dialect)
    ? byExtendedConnect(isTls(dialect), port, path, options)
    : byUpgrade(isTls(dialect), port, path, options);
}

async function byUpgrade(
  secure: boolean,
  port: number,
  path: string,
  { ca, serverName }: CallerOptions,
): Promise<OpenWebSocket> {
  const key = randomBytes(16).toString('base64');
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': key,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat',
  };
  const common: ClientRequestArgs = { host: '127.0.0.1', port, path, headers, agent: false };
  const request = secure ? httpsRequest({ ...common, ca, servername: serverName }) : httpRequest(common);
  request.end();
  const [response, socket, early] = await new Promise<[IncomingMessage, Duplex, Buffer]>((resolve, reject) => {
    request.once('error', reject);
    request.once('upgrade', (...all) => resolve(all));
    request.once('response', (answer) => {
      answer.destroy();
      reject(new HandshakeRefused(answer.statusCode ?? 0));
    });
  });
  socket.on('error', () => {});
  if (response.headers['sec-websocket-accept'] !== acceptOf(key)) throw new Error('sec-websocket-accept does not fit');
  return { frames: new FrameClient(socket, early), headers: response.headers, close: () => socket.destroy() };
}

async function byExtendedConnect(
  secure: boolean,
  port: number,
  path: string,
  { ca, serverName }: CallerOptions,
): Promise<OpenWebSocket> {
  const scheme = secure ? 'https' : 'http';
  const session = http2Connect(`${scheme}://127.0.0.1:${port}`, secure ? { ca, servername: serverName } : {});
  session.on('error', () => {});
  const [settings] = (await once(session, 'remoteSettings')) as [{ enableConnectProtocol?: boolean }];
  if (!settings.enableConnectProtocol) throw new Error('the proxy does not offer extended CONNECT');
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': scheme,
      ':path': path,
      ':authority': serverName ?? `127.0.0.1:${port}`,
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat',
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  const close = () => session.destroy();
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  if (headers[':status'] !== 200) {
    close();
    throw new HandshakeRefused(Number(headers[':status']));
  }
  return { frames: new FrameClient(stream), headers, close };
}
