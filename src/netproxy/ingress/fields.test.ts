import { describe, expect, test } from '@jest/globals';
import { parseCidr } from '../address.js';
import type { Sender } from './fields.js';
import { answerFields, goesInCircle, requestFields, sentScheme } from './fields.js';

const stranger: Sender = { address: '198.51.100.7', scheme: 'http', port: 80, trusted: [] };
const proxy: Sender = { ...stranger, address: '192.0.2.1', trusted: [parseCidr('192.0.2.0/24')!] };

const sent = (headers: Record<string, string>, sender = stranger, body = false) =>
  requestFields(headers, 'a.test', sender, body);

describe('a request’s fields', () => {
  test('go on, with who the client is and that we passed it', () => {
    expect(sent({ host: 'x', accept: '*/*', cookie: 'a=b' })).toEqual({
      accept: '*/*',
      cookie: 'a=b',
      host: 'a.test',
      'x-forwarded-for': '198.51.100.7',
      'x-real-ip': '198.51.100.7',
      'x-forwarded-host': 'a.test',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '80',
      'x-forwarded-scheme': 'http',
      'x-scheme': 'http',
      'cdn-loop': 'trireme-ingress',
    });
  });

  test.each([
    ['connection', 'keep-alive'],
    ['keep-alive', 'timeout=5'],
    ['te', 'trailers'],
    ['upgrade', 'h2c'],
    ['proxy-authorization', 'Basic x'],
    ['expect', '100-continue'],
    ['proxy', 'http://evil.test'],
    ['x-forwarded-client-cert', 'x'],
    ['forwarded', 'for=1.2.3.4'],
    ['x_forwarded_for', '1.2.3.4'],
  ])('of one connection, or about the client, stay here: %s', (name, value) => {
    expect(sent({ [name]: value })).not.toHaveProperty(name);
  });

  test('that `Connection` names stay here too', () => {
    const fields = sent({ connection: 'close, X-Secret', 'x-secret': '1', 'x-other': '2' });
    expect(fields).not.toHaveProperty('x-secret');
    expect(fields['x-other']).toBe('2');
  });

  test('about the client are believed of a trusted proxy, and carried on', () => {
    const told = {
      'x-forwarded-for': '203.0.113.5, 192.0.2.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'public.test, inner.test',
      'x-forwarded-port': '8443',
    };
    expect(sent(told, proxy)).toMatchObject({
      'x-forwarded-for': '203.0.113.5, 192.0.2.9, 192.0.2.1',
      'x-real-ip': '203.0.113.5',
      'x-forwarded-host': 'public.test',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '8443',
      'x-scheme': 'https',
    });
    expect(sent(told)).toMatchObject({
      'x-forwarded-for': '198.51.100.7',
      'x-real-ip': '198.51.100.7',
      'x-forwarded-host': 'a.test',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '80',
    });
  });

  test('say how long the body is, or that it comes in chunks', () => {
    expect(sent({ 'content-length': '3' }, stranger, true)['content-length']).toBe('3');
    expect(sent({}, stranger, true)['transfer-encoding']).toBe('chunked');
    expect(sent({ 'content-length': '0' })['content-length']).toBe('0');
    expect(sent({ 'content-length': '3' })).not.toHaveProperty('content-length');
    expect(sent({})).not.toHaveProperty('transfer-encoding');
  });

  test('count the passes', () => {
    expect(sent({ 'cdn-loop': 'other' })['cdn-loop']).toBe('other, trireme-ingress');
    const passed = (times: number) => ({
      'cdn-loop': Array(times).fill('trireme-ingress').join(','),
    });
    expect([3, 4].map((times) => goesInCircle(passed(times)))).toEqual([false, true]);
  });
});

describe('an answer’s fields', () => {
  test('go on without those of the connection', () => {
    const headers = { connection: 'x-hop', 'x-hop': '1', 'keep-alive': 'a', etag: '"1"' };
    expect(answerFields(headers, 200)).toEqual({ etag: '"1"' });
  });

  test('have no length where there can be no body', () => {
    expect(answerFields({ 'content-length': '5' }, 204)).toEqual({});
    expect(answerFields({ 'content-length': '5' }, 200)).toEqual({ 'content-length': '5' });
  });
});

test.each<[Record<string, string>, Sender, string]>([
  [{}, stranger, 'http'],
  [{ 'x-forwarded-proto': 'https' }, stranger, 'http'],
  [{ 'x-forwarded-proto': 'https' }, proxy, 'https'],
  [{ 'x-forwarded-proto': 'HTTPS, http' }, proxy, 'https'],
  [{ 'x-forwarded-proto': 'spdy' }, proxy, 'http'],
  [{}, { ...proxy, scheme: 'https' }, 'https'],
])('the scheme of %j', (headers, sender, scheme) => {
  expect(sentScheme(headers, sender)).toBe(scheme);
});
