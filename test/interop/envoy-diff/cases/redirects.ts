import { answer, type Case, family, get, head, okAnswer } from '../case.ts';

const config = 'redirects';

/** The upstream redirects once, and answers what is asked then. */
const redirect = (status: string, location: string, ...fields: readonly string[]) => [
  answer(head(`HTTP/1.1 ${status}`, `location: ${location}`, 'content-length: 0', ...fields)),
  answer(okAnswer),
];

/** Redirects of the upstream that the proxy follows itself. */
export const redirectCases: readonly Case[] = [
  ...family(
    'redirect to',
    [
      'http://b.example/to',
      'http://b.example/to?q=1#part',
      'http://b.example:81/to',
      'HTTP://B.example/to',
      'http://b.example',
      'http://b.example?q',
      'http://user@b.example/to',
      'http://[::1]:80/to',
      'https://b.example/to',
      'ftp://b.example/to',
      '/to',
      '//b.example/to',
      'to',
      '?q',
      'http:///to',
      'http://b example/to',
      'http://b.example/direct',
    ],
    (location) => ({ config, client: [get('/from')], origin: redirect('302 Found', location) }),
  ),
  ...family('redirect with', ['301 Moved', '303 See Other', '307 Temporary', '308 Permanent'], (status) => ({
    config,
    client: [get('/from')],
    origin: redirect(status, 'http://b.example/to'),
  })),
  ...family('redirect of a POST with', ['301 Moved', '302 Found', '303 See Other', '307 Temporary'], (status) => ({
    config,
    client: [`${head('POST /from HTTP/1.1', 'host: a.example', 'content-length: 5')}hello`],
    origin: redirect(status, 'http://b.example/to'),
  })),
  {
    name: 'redirect of a POST in chunks',
    config,
    client: [`${head('POST /from HTTP/1.1', 'host: a.example', 'transfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
    origin: redirect('307 Temporary', 'http://b.example/to'),
  },
  { name: 'redirect without a location', config, client: [get('/from')], origin: redirect('302 Found', '') },
  {
    name: 'redirect twice, and once more',
    config,
    client: [get('/from')],
    origin: [1, 2, 3].flatMap((at) => redirect('302 Found', `http://b.example/${at}`).slice(0, 1)),
  },
  {
    name: 'redirect with a body',
    config,
    client: [get('/from')],
    origin: [
      answer('HTTP/1.1 302 Found\r\nlocation: http://b.example/to\r\ncontent-length: 5\r\n\r\nmoved'),
      answer(okAnswer),
    ],
  },
  {
    name: 'redirect with headers to take along',
    config,
    client: [get('/from', 'x-taken: 0', 'x-lacking: 1', 'x-envoy-original-url: http://evil/')],
    origin: redirect('302 Found', 'http://b.example/to', 'x-taken: 1', 'x-taken: 2', 'x-left: 1'),
  },
];
