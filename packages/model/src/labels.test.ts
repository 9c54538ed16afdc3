import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exportToOfAnnotations, isVisible } from './export-to.ts';
import { labelsMatch, selectorMatches } from './labels.ts';
import { formatPath, valueAt } from './path.ts';

describe('labels', () => {
  test('every pair of a selector has to be there', () => {
    assert.ok(labelsMatch({}, {}) && labelsMatch({ a: 'b' }, { a: 'b', c: 'd' }));
    assert.ok(!labelsMatch({ a: 'b' }, { a: 'c' }) && !labelsMatch({ constructor: 'x' }, {}));
  });

  test('requirements of Kubernetes', () => {
    const matches = (operator: string, values: readonly string[], labels: Readonly<Record<string, string>>) =>
      selectorMatches({ matchLabels: {}, matchExpressions: [{ key: 'a', operator, values }] }, labels);
    assert.ok(matches('In', ['b'], { a: 'b' }) && !matches('In', ['b'], {}));
    assert.ok(matches('NotIn', ['b'], {}) && !matches('NotIn', ['b'], { a: 'b' }));
    assert.ok(matches('Exists', [], { a: '' }) && matches('DoesNotExist', [], {}));
    assert.ok(!matches('Near', [], { a: 'b' }));
  });
});

describe('exportTo', () => {
  test('who sees what', () => {
    assert.ok(
      isVisible([], 'a', 'b') && isVisible(['*'], 'a', 'b') && isVisible(['.'], 'a', 'a') && isVisible(['b'], 'a', 'b'),
    );
    assert.ok(!isVisible(['.'], 'a', 'b') && !isVisible(['~'], 'a', 'a') && !isVisible([], 'a', 'b', ['.']));
    assert.deepEqual(exportToOfAnnotations({ 'networking.istio.io/exportTo': ' ., b ,' }), ['.', 'b']);
    assert.deepEqual(exportToOfAnnotations({}), []);
  });
});

describe('paths', () => {
  test('are written as people write them, and found', () => {
    const path = ['spec', 'http', 0, 'labels', 'app.kubernetes.io/name'];
    assert.equal(formatPath(path), 'spec.http[0].labels["app.kubernetes.io/name"]');
    assert.equal(valueAt({ spec: { http: [{ labels: { 'app.kubernetes.io/name': 1 } }] } }, path), 1);
    assert.equal(valueAt({ spec: [] }, path), undefined);
    assert.equal(valueAt({}, ['constructor']), undefined);
  });
});
