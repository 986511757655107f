import { describe, expect, test } from '@jest/globals';
import { parseRequest } from './request-info.js';
import { timeoutOf } from './request-timeout.js';

const pods = '/api/v1/namespaces/n/pods';

function timeout(value: string, path = pods, more = ''): number | undefined {
  const query = new URLSearchParams(`timeout=${encodeURIComponent(value)}${more}`);
  return timeoutOf({ query, info: parseRequest('GET', path, query) });
}

describe('the time that a client names', () => {
  test.each<[string, number | undefined]>([
    ['', undefined],
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['+2s', 2_000],
    ['1.5h', 5_400_000],
    ['3μs', 0.003],
    // No bound: kube-apiserver then has its own.
    ['0', undefined],
    ['0s', undefined],
    ['-1s', undefined],
  ])('%j', (value, ms) => {
    expect(timeout(value)).toBe(ms);
  });

  test.each([
    ['x', 'time: invalid duration "x"'],
    ['-', 'time: invalid duration "-"'],
    ['5', 'time: missing unit in duration "5"'],
    ['1s5', 'time: missing unit in duration "1s5"'],
    ['5y', 'time: unknown unit "y" in duration "5y"'],
    ['1h 5m', 'time: unknown unit "h " in duration "1h 5m"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
  ])('%j is refused', (value, problem) => {
    expect(() => timeout(value)).toThrow(
      expect.objectContaining({
        code: 400,
        reason: 'BadRequest',
        message: `invalid timeout specified in the request URL - ${problem}`,
      }),
    );
  });

  test('is nothing to what goes on', () => {
    expect(timeout('x', pods, '&watch=1')).toBeUndefined();
    for (const part of ['log', 'exec', 'attach', 'portforward', 'proxy']) {
      expect(timeout('x', `${pods}/p/${part}`)).toBeUndefined();
    }
    expect(() => timeout('x', `${pods}/p/status`)).toThrow('invalid timeout');
    expect(() => timeout('x', '/version')).toThrow('invalid timeout');
  });
});
