import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remarksOn, specOf } from '../../test-support/read-one.ts';

const remarks = (spec: string) => remarksOn('VirtualService', spec);
const http = (route: string) => remarks(`{hosts: [a.com], http: [${route}]}`);
const TO = 'route: [{destination: {host: a}}]';

describe('VirtualService', () => {
  test('what is absent has its default', () => {
    const none = { set: {}, add: {}, remove: [] };
    const headers = { request: none, response: none };
    assert.deepEqual(specOf('VirtualService', `{hosts: [a], http: [{${TO}}]}`), {
      hosts: ['a'],
      gateways: ['mesh'],
      http: [
        {
          name: '',
          match: [],
          route: [{ destination: { host: 'a' }, weight: 100, headers }],
          headers,
          mirrors: [],
        },
      ],
      tls: [],
      tcp: [],
      exportTo: [],
    });
  });

  test('a fault without a percentage hits every request, an empty percentage none', () => {
    const fault = (text: string) =>
      specOf('VirtualService', `{hosts: [a], http: [{${TO}, fault: ${text}}]}`).http[0]?.fault;
    assert.deepEqual(fault('{abort: {httpStatus: 500}}')?.abort?.percentage, { value: 100 });
    assert.deepEqual(fault('{abort: {httpStatus: 500, percentage: {}}}')?.abort?.percentage, { value: 0 });
    assert.deepEqual(fault('{delay: {fixedDelay: 1s, percentage: {value: 0.1}}}')?.delay?.percentage, { value: 0.1 });
  });

  test('a header without a value to match is one that is there, or for withoutHeaders is not', () => {
    const match = '{headers: {a: {}}, withoutHeaders: {b: {regex: "*"}, c: , __proto__: {exact: x}}}';
    const [found] = specOf('VirtualService', `{hosts: [a], http: [{match: [${match}], ${TO}}]}`).http[0]!.match;
    assert.deepEqual(found?.headers, { a: {} });
    assert.deepEqual(Object.entries(found?.withoutHeaders ?? {}), [
      ['b', {}],
      ['c', {}],
      ['__proto__', { exact: 'x' }],
    ]);
  });

  for (const [route, remark] of [
    ['{}', 'error: spec.http[0]: must have a route, a redirect or a directResponse'],
    [`{${TO}, timeout: -1s}`, 'error: spec.http[0].timeout: must be a duration of at least 1ms'],
    [`{${TO}, timeout: 1}`, 'error: spec.http[0].timeout: must be a text, not a number; put it in quotes'],
    [`{${TO}, retires: {}}`, 'error: spec.http[0].retires: is not a field that exists here; did you mean retries?'],
    [
      `{${TO}, retries: {attempts: 2, retryOn: "5xx,sometimes"}}`,
      'error: spec.http[0].retries.retryOn: must be words that Envoy knows; "sometimes" is none',
    ],
    ['{route: [{destination: {}}]}', 'error: spec.http[0].route[0].destination.host: is required'],
    [
      '{route: [{destination: {host: a}}, {destination: {host: b}}]}',
      'error: spec.http[0].route: must have a weight above 0 for at least one destination',
    ],
    [
      `{match: [{uri: {exact: /a, prefix: /b}}], ${TO}}`,
      'error: spec.http[0].match[0].uri: may have only one of exact, prefix, regex; it has exact and prefix',
    ],
    [
      `{match: [{uri: {regex: "(?=a)"}}], ${TO}}`,
      'error: spec.http[0].match[0].uri.regex: must be a regular expression in RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
    ],
    [
      `{match: [{headers: {"a b": {exact: c}}}], ${TO}}`,
      'error: spec.http[0].match[0].headers["a b"]: must be a header name',
    ],
    [
      `{match: [{headers: {a: }}], ${TO}}`,
      'error: spec.http[0].match[0].headers.a: must be a map of fields, not empty',
    ],
    [
      `{${TO}, fault: {abort: {httpStatus: 503, percentage: {value: 101}}}}`,
      'error: spec.http[0].fault.abort.percentage.value: must be <= 100',
    ],
    [
      `{${TO}, headers: {request: {set: {a: "50%"}}}}`,
      'error: spec.http[0].headers.request.set.a: must write a percent sign as %%',
    ],
    [`{${TO}, mirror: {host: b}}`, 'warning: spec.http[0].mirror: has no effect yet'],
    [
      `{${TO}}, {match: [{uri: {exact: /a}}], ${TO}}`,
      'warning: spec.http[1]: is never reached: http[0] takes every request',
    ],
  ] as const) {
    test(`said of a route ${route}`, () => assert.deepEqual(http(route), [remark]));
  }

  for (const [spec, remark] of [
    ['{hosts: [a]}', 'error: spec: must have routes in http, tls or tcp'],
    [`{hosts: ['*'], http: [{${TO}}]}`, 'error: spec.hosts[0]: must not be * in a virtual service for the mesh'],
    [`{hosts: [a.b.com, '*.b.com'], http: [{${TO}}]}`, 'error: spec.hosts[1]: overlaps with the host a.b.com'],
    [
      `{hosts: [a], tls: [{match: [{sniHosts: [b]}], ${TO}}]}`,
      'error: spec.tls[0].match[0].sniHosts[0]: is not covered by the hosts a',
    ],
    [
      `{hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/40]}], ${TO}}]}`,
      'error: spec.tcp[0].match[0].destinationSubnets[0]: must be an IP address or a range such as 10.0.0.0/8',
    ],
  ] as const) {
    test(`said of ${spec}`, () => assert.deepEqual(remarks(spec), [remark]));
  }
});
