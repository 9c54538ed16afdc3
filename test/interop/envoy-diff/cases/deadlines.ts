import { answer, type Case, family, get, head, okAnswer, post } from '../case.ts';

const late = [answer({ waitMs: 400 }, okAnswer)];

const grpc = (...fields: readonly string[]) =>
  head('POST /s/m HTTP/1.1', 'host: a.example', 'content-type: application/grpc', 'content-length: 0', ...fields);

/** Limits on how long a request, an answer or a connection may take, and what upstreams are told of them. */
export const deadlineCases: readonly Case[] = [
  {
    name: 'request timeout: a slow head',
    config: 'wholeRequest',
    client: ['GET / HTTP/1.1\r\n', { waitMs: 400 }],
  },
  {
    name: 'request timeout: a slow body',
    config: 'wholeRequest',
    client: [post('hel', 'content-length: 5'), { waitMs: 400 }],
  },
  { name: 'request timeout: a slow answer', config: 'wholeRequest', client: [get()], origin: late },
  { name: 'stream duration: a slow answer', config: 'shortStreams', client: [get()], origin: late },
  {
    name: 'stream duration: a slow body',
    config: 'shortStreams',
    client: [post('hel', 'content-length: 5'), { waitMs: 400 }],
  },
  { name: 'stream duration in place of the timeout', config: 'streamInsteadOfTimeout', client: [get()], origin: late },
  { name: 'two requests: three at once', config: 'twoRequests', client: [get('/1') + get('/2') + get('/3')] },
  {
    name: 'two requests: one after the other',
    config: 'twoRequests',
    client: [get('/1'), { until: 'ok' }, get('/2')],
  },
  ...family('longest grpc-timeout, asked', ['', '100m', '50m', '1S', '1H', '0m', 'abc'], (text) => ({
    config: 'grpcDeadline',
    client: [grpc(...(text === '' ? [] : [`grpc-timeout: ${text}`]))],
  })),
  ...family('longest gRPC stream, asked', ['', '300m', '1S', '1H', 'abc'], (text) => ({
    config: 'grpcStream',
    client: [grpc(...(text === '' ? [] : [`grpc-timeout: ${text}`]))],
  })),
  { name: 'another host: told', config: 'otherHost', client: [get('/', 'x-envoy-original-host: evil')] },
  { name: 'another host: added', config: 'otherHost', client: [get('/', 'x-forwarded-host: first')] },
];
