import assert from 'node:assert/strict';
import type { Headers, ResponseHead } from '@sofamesh/contract/message';
import type { ExpectedRequest, ExpectedResponse } from './fixtures.ts';
import { asksForTunnel, type ScriptedCall } from './scripted-engine.ts';

const requestFields = ['method', 'authority', 'path', 'scheme', 'protocol', 'oneWay', 'timeoutMs', 'upgrade'] as const;
const responseFields = ['status', 'nativeStatus', 'applicationError', 'protocol'] as const;

export function assertRequest(call: ScriptedCall, expected: ExpectedRequest): void {
  for (const field of requestFields) {
    if (field in expected) assert.equal(call.head[field], expected[field], `${field} of the request`);
  }
  assertHeaders(call.head, expected.headers, expected.absent, 'request');
  if (expected.body !== undefined) assert.deepEqual(call.requestBody, expected.body, 'body of the request');
  assertTrailers(call.requestTrailers, expected.trailers, 'request');
  assert.equal(call.requestReset, undefined, 'the request was reset');
  assert.equal(call.requestEnded, !asksForTunnel(call.head), 'end of the request');
}

export function assertResponse(call: ScriptedCall, expected: ExpectedResponse): void {
  const { response } = call;
  assert.ok(response !== undefined, `no response came (reset: ${call.responseReset})`);
  for (const field of responseFields) {
    if (field in expected) assert.equal(response[field], expected[field], `${field} of the response`);
  }
  assertHeaders(response, expected.headers, expected.absent, 'response');
  if (expected.body !== undefined) assert.deepEqual(call.responseBody, expected.body, 'body of the response');
  assertTrailers(call.responseTrailers, expected.trailers, 'response');
  if (expected.informational !== undefined) assert.deepEqual(call.informational, expected.informational);
  assert.equal(call.responseReset, undefined, 'the response was reset');
  assert.ok(call.responseEnded, 'the response has not ended');
}

function assertHeaders(
  headers: Headers,
  present: Readonly<Record<string, string>> | undefined,
  absent: readonly string[] | undefined,
  of: string,
): void {
  for (const [name, value] of Object.entries(present ?? {})) assert.equal(headers.get(name), value, `${name} of ${of}`);
  for (const name of absent ?? []) assert.equal(headers.get(name), undefined, `${name} of ${of}`);
}

function assertTrailers(
  trailers: Headers | undefined,
  expected: Readonly<Record<string, string>> | undefined,
  of: string,
): void {
  if (expected === undefined) return;
  assert.ok(trailers !== undefined, `the ${of} has no trailers`);
  assertHeaders(trailers, expected, undefined, `trailers of the ${of}`);
}

/** Everything that can be asked of a request, to be compared with another reading of it. */
export function requestTranscript(call: ScriptedCall) {
  const { method, authority, path, scheme, oneWay, timeoutMs, upgrade } = call.head;
  const body = call.requestBody.toString('latin1');
  return {
    ...{ method, authority, path, scheme, oneWay, timeoutMs, upgrade, body },
    headers: listed(call.head),
    trailers: listed(call.requestTrailers),
    ended: call.requestEnded,
    reset: call.requestReset,
  };
}

export function responseTranscript(call: ScriptedCall) {
  const response: ResponseHead | undefined = call.response;
  return {
    status: response?.status,
    nativeStatus: response?.nativeStatus,
    applicationError: response?.applicationError,
    informational: call.informational,
    headers: listed(response),
    body: call.responseBody.toString('latin1'),
    trailers: listed(call.responseTrailers),
    ended: call.responseEnded,
    reset: call.responseReset,
  };
}

function listed(headers: Headers | undefined): readonly string[] {
  const lines: string[] = [];
  headers?.visit((name, value) => lines.push(`${name}: ${value}`));
  return lines;
}
