import type { CodecSpec } from './spec.ts';

/** Specs for tests, those of docs/declarative-codec.md among them. This file has no tests. */
export const exampleSpec: CodecSpec = {
  name: 'example',
  magic: { hex: 'e1' },
  kinds: {
    request: { at: 1, is: 0 },
    reply: { at: 1, is: 1 },
    'one-way': { at: 1, is: 2 },
    heartbeat: [
      { at: 1, is: 3 },
      { at: 2, is: 0 },
    ],
    'heartbeat-reply': { at: 1, is: 3 },
  },
  id: { at: 8, size: 8 },
  layout: { head: 16, length: { at: 4, size: 4 } },
  service: { at: 3, names: { 7: 'com.example.Users' } },
  status: { at: 2, http: { 2: 404, 3: 503, 4: 504, 5: 400 } },
  heartbeat: { hex: 'e1030000 00000000 0000000000000000' },
  heartbeatReply: { hex: 'e1030100 00000000 0000000000000000' },
  errorReply: {
    hex: 'e1010100 00000000 0000000000000000',
    copy: [{ at: 3 }],
    text: true,
    status: { timeout: 4, 'nobody-there': 2, 400: 5, 404: 2, 503: 3, otherwise: 1 },
  },
};

export const boltSpec: CodecSpec = {
  name: 'bolt-one',
  magic: { hex: '01' },
  kinds: {
    request: [
      { at: 1, is: 1 },
      { at: 2, size: 2, is: 1 },
    ],
    'one-way': [
      { at: 1, is: 2 },
      { at: 2, size: 2, is: 1 },
    ],
    reply: [
      { at: 1, is: 0 },
      { at: 2, size: 2, is: 2 },
    ],
    heartbeat: [
      { at: 1, is: 1 },
      { at: 2, size: 2, is: 0 },
    ],
    'heartbeat-reply': [
      { at: 1, is: 0 },
      { at: 2, size: 2, is: 0 },
    ],
    'go-away': { at: 2, size: 2, is: 100 },
  },
  id: { at: 5, size: 4 },
  layout: [
    {
      kinds: ['reply', 'heartbeat-reply'],
      head: 20,
      parts: [
        { name: 'class', length: { at: 12, size: 2 } },
        { name: 'headers', length: { at: 14, size: 2 } },
        { name: 'body', length: { at: 16, size: 4 } },
      ],
    },
    {
      head: 22,
      parts: [
        { name: 'class', length: { at: 14, size: 2 } },
        { name: 'headers', length: { at: 16, size: 2 } },
        { name: 'body', length: { at: 18, size: 4 } },
      ],
    },
  ],
  headers: { key: 4, value: 4, nulls: true },
  service: { header: 'service', until: ':' },
  method: { header: 'sofa_head_method_name' },
  timeout: { at: 10, size: 4, signed: true },
  status: { at: 10, size: 2, http: { 4: 503, 7: 504, 16: 502 } },
  applicationError: { header: 'sofa_head_response_error', is: 'true' },
  heartbeat: { hex: '01 01 0000 01 00000000 01 ffffffff 0000 0000 00000000' },
  heartbeatReply: { hex: '01 00 0000 01 00000000 01 0000 0000 0000 00000000', copy: [{ at: 9 }] },
  goAway: { hex: '01 01 0064 01 00000000 01 00000000 0000 0000 00000000' },
  errorReply: {
    hex: '01 00 0002 01 00000000 01 0000 0000 0000 00000000',
    copy: [{ at: 9 }],
    status: { timeout: 7, 'nobody-there': 6, lost: 16, 400: 9, 404: 6, 503: 4, otherwise: 3 },
  },
};

/** Dubbo's head and nothing behind it: calls have no names, so they are routed by port, split by weight, counted and limited. */
export const dubboSpec: CodecSpec = {
  name: 'dubbo-head',
  magic: { hex: 'dabb' },
  kinds: {
    heartbeat: { at: 2, mask: 0xe0, is: 0xe0 },
    'heartbeat-reply': { at: 2, mask: 0xa0, is: 0x20 },
    ignored: { at: 2, mask: 0x20, is: 0x20 },
    request: { at: 2, mask: 0xc0, is: 0xc0 },
    'one-way': { at: 2, mask: 0x80, is: 0x80 },
    reply: { at: 2, mask: 0x80, is: 0 },
  },
  id: { at: 4, size: 8 },
  layout: { head: 16, length: { at: 12, size: 4 } },
  status: { at: 3, ok: 20, http: { 30: 504, 31: 504, 40: 400, 50: 502, 60: 404, 100: 503 } },
  heartbeat: { hex: 'dabb e2 00 0000000000000000 00000001 4e' },
  heartbeatReply: { hex: 'dabb 22 14 0000000000000000 00000001 4e' },
  errorReply: {
    hex: 'dabb 02 46 0000000000000000 00000007 06 70726f787921',
    status: { timeout: 30, 'nobody-there': 60, lost: 70, 400: 40, 404: 60, 503: 40, otherwise: 70 },
  },
};

/** Little-endian, strings with lengths before them, a checksum's place behind the body. */
export const ledgerSpec: CodecSpec = {
  name: 'ledger',
  byteOrder: 'little',
  magic: [{ hex: '4c44' }, { at: 3, hex: '00' }],
  kinds: {
    request: { at: 2, mask: 0x0f, is: [1, 9] },
    reply: { at: 2, mask: 0x0f, is: 2 },
    'one-way': { at: 2, mask: 0x0f, is: 3 },
    ignored: { at: 2, mask: 0x0f, is: [4, 5] },
  },
  id: { at: 8, size: 4 },
  layout: [
    {
      kinds: ['request', 'one-way'],
      head: 16,
      length: { at: 4, size: 3, counts: 'rest', add: 1 },
      parts: [
        { name: 'service', prefix: 1 },
        { name: 'method', prefix: 2 },
        { name: 'headers', prefix: 2 },
        { name: 'padding', bytes: 2 },
        { name: 'body' },
      ],
    },
    {
      head: 14,
      length: { at: 4, size: 3, counts: 'frame' },
      parts: [
        { name: 'headers', prefix: 2 },
        { name: 'body', prefix: 4 },
      ],
    },
  ],
  headers: { key: 1, value: 2 },
  service: { part: 'service' },
  method: { part: 'method' },
  timeout: { at: 12, size: 2, unit: 's' },
  status: { at: 12, size: 2, ok: [0, 1], http: { 9: 429 }, otherwise: 502 },
  applicationError: { at: 2, mask: 0xf0, is: 0x10 },
  errorReply: { hex: '4c4402 00 140000 00 00000000 0200 0000 00000000', text: true, status: { 429: 9, otherwise: 5 } },
};
