import { describe, expect, test } from '@jest/globals';
import { failureOf } from './api-failure.js';
import { LineSplitter } from './json-lines.js';
import { pathOf, pods, nodes, workloads } from './resources.js';
import { toneOf, toneOfShare } from './tone.js';

describe('a status', () => {
  test.each([
    ['good', ['Running', 'Ready', 'Bound', 'Active']],
    [
      'busy',
      ['Pending', 'ContainerCreating', 'Init:0/2', 'Terminating', 'Ready,SchedulingDisabled'],
    ],
    ['calm', ['Completed', 'Succeeded', '<none>', '']],
    ['bad', ['CrashLoopBackOff', 'Error', 'NotReady', 'Init:Error', 'ExitCode:3', 'Evicted']],
  ])('is %s', (tone, statuses) => {
    expect(statuses.map(toneOf)).toEqual(statuses.map(() => tone));
  });

  test('of a share says whether all are there', () => {
    expect(['2/2', '1/2', '0/2', '0/0', '2/2 ', 'x'].map(toneOfShare)).toEqual([
      'good',
      'busy',
      'bad',
      'calm',
      undefined,
      undefined,
    ]);
  });
});

describe('lines of a stream', () => {
  test('are whole, wherever the stream is cut', () => {
    const splitter = new LineSplitter();
    expect(splitter.push('{"a":')).toEqual([]);
    expect(splitter.push('1}\n\n{"b":2}\n{"c"')).toEqual(['{"a":1}', '{"b":2}']);
    expect(splitter.end()).toBe('{"c"');
    expect(splitter.end()).toBe('');
  });

  test('have a longest one', () => {
    const splitter = new LineSplitter(10);
    expect(splitter.push('0123456789')).toEqual([]);
    expect(() => splitter.push('x')).toThrow('the server sends a line without end');
  });
});

test('paths are those of the API', () => {
  const [deployments] = workloads;
  expect(pathOf(pods)).toBe('/api/v1/pods');
  expect(pathOf(nodes, { namespace: 'x', name: 'n1' })).toBe('/api/v1/nodes/n1');
  expect(pathOf(deployments ?? pods, { namespace: 'a b', name: 'web' })).toBe(
    '/apis/apps/v1/namespaces/a%20b/deployments/web',
  );
  expect(pathOf(pods, { namespace: 'd', name: 'p', subresource: 'log' })).toBe(
    '/api/v1/namespaces/d/pods/p/log',
  );
});

test('a failure says what the server says', () => {
  const status = { kind: 'Status', reason: 'Forbidden', message: 'pods is forbidden' };
  expect(failureOf(403, JSON.stringify(status))).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    message: 'pods is forbidden',
  });
  const yaml = 'kind: Status\nreason: Invalid\nmessage: "a \\"b\\": no"\ncode: 422\n';
  expect(failureOf(422, yaml)).toMatchObject({ reason: 'Invalid', message: 'a "b": no' });
  expect(failureOf(404, '404 page not found\n').message).toBe('404 page not found');
  expect(failureOf(502, '').message).toBe('the server says 502');
});
