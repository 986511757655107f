import { expect, test } from '@jest/globals';
import type { RequestFacts } from './request-line.js';
import { isHost, readRequest } from './request-line.js';

function request(
  url: string,
  headers: Readonly<Record<string, string>> = { host: 'a.example' },
  more: Partial<RequestFacts> = {},
): RequestFacts {
  return {
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    method: 'GET',
    url,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    ...more,
  };
}

const http2 = { httpVersionMajor: 2, httpVersionMinor: 0 };

test.each([
  ['/a?b=c', { host: 'a.example', path: '/a', query: '?b=c' }],
  ['/a?b=%2e%2e/?c', { host: 'a.example', path: '/a', query: '?b=%2e%2e/?c' }],
  ['/a?', { host: 'a.example', path: '/a', query: '?' }],
  ['/a/../b/./c', { host: 'a.example', path: '/b/c', query: '' }],
  ['/%61', { host: 'a.example', path: '/a', query: '' }],
  ['http://a.example/x?y', { host: 'a.example', path: '/x', query: '?y' }],
  ['HTTP://A.Example?y', { host: 'a.example', path: '/', query: '?y' }],
])('%s is read', (url, expected) => {
  expect(readRequest(request(url))).toEqual({ method: 'GET', ...expected });
});

test.each([
  ['another host in the line', 'http://b.example/x', {}],
  ['another port in the line', 'http://a.example:81/x', {}],
  ['a user in the line', 'http://u@a.example/x', {}],
  ['no path', '*', {}],
  ['a path without a slash', 'x', {}],
  ['above the root', '/../x', {}],
  ['a NUL', '/a%00', {}],
  ['a fragment in the query', '/a?b#c', {}],
  ['a blank in the query', '/a?b c', {}],
  ['a letter beyond latin1', '/a?\u0141', {}],
  ['an empty method', '/', { method: '' }],
  ['a method with a blank', '/', { method: 'GET /' }],
])('%s is refused', (_, url, more) => {
  expect(readRequest(request(url, undefined, more))).toEqual({ status: 400 });
});

test.each(['TRACE', 'CONNECT'])('%s is not allowed', (method) => {
  expect(readRequest(request('/', undefined, { method }))).toEqual({ status: 405 });
});

test('a target is so long and no longer', () => {
  expect(readRequest(request(`/${'a'.repeat(8191)}`))).toMatchObject({ method: 'GET' });
  expect(readRequest(request(`/${'a'.repeat(8192)}`))).toEqual({ status: 414 });
});

test.each([
  ['a coding and a length', { 'transfer-encoding': 'chunked', 'content-length': '3' }, {}],
  ['a coding in HTTP/1.0', { 'transfer-encoding': 'chunked' }, { httpVersionMinor: 0 }],
  ['a coding in HTTP/2', { 'transfer-encoding': 'chunked' }, http2],
])('%s is an attempt to be read in two ways', (_, headers, more) => {
  const all = { host: 'a.example', ...headers };
  expect(readRequest(request('/', all, more))).toEqual({ status: 400 });
});

test('a coding alone is HTTP/1.1', () => {
  const headers = { host: 'a.example', 'transfer-encoding': 'chunked' };
  expect(readRequest(request('/', headers))).toMatchObject({ path: '/' });
});

test.each([
  ['no host', {}, [], {}, undefined],
  ['no host, as HTTP/1.0 has it', {}, [], { httpVersionMinor: 0 }, ''],
  ['two hosts', { host: 'a' }, ['Host', 'a', 'HOST', 'a'], {}, undefined],
  ['one host in HTTP/2', { ':authority': 'a' }, [':authority', 'a'], http2, 'a'],
  [
    'the same twice in HTTP/2',
    { ':authority': 'a', host: 'A' },
    [':authority', 'a', 'host', 'A'],
    http2,
    'a',
  ],
  [
    'two in HTTP/2',
    { ':authority': 'a', host: 'b' },
    [':authority', 'a', 'host', 'b'],
    http2,
    undefined,
  ],
  ['a value that looks like a name', { host: 'a' }, ['host', 'a', 'x', 'host'], {}, 'a'],
])('%s', (_, headers, rawHeaders, more, host) => {
  const found = readRequest(request('/', headers, { rawHeaders, ...more }));
  if (host === undefined) expect(found).toEqual({ status: 400 });
  else expect(found).toMatchObject({ host });
});

test.each([
  'a',
  'a.b',
  'a.b.',
  'a_b.c-d:80',
  '1.2.3.4:65535',
  '[::1]',
  '[fe80::1]:80',
  'x'.repeat(261),
])('%s is a host', (text) => expect(isHost(text)).toBe(true));

test.each([
  '',
  '.',
  'a..b',
  '-a',
  'a-',
  'a:',
  'a:123456',
  'a b',
  'a/b',
  'a@b',
  '::1',
  '[::1',
  '[]',
  '[1]x',
  'é',
  'a,b',
  'x'.repeat(262),
])('%j is no host', (text) => expect(isHost(text)).toBe(false));
