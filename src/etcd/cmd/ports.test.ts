import { expect, test } from '@jest/globals';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { addressOf, bindings } from './ports.js';

const tls = fixedTls({ cert: '', key: '' });
const at = (port: number) => ({ host: '127.0.0.1', port });

test.each<[string, string[], boolean, object[]]>([
  ['plain text', ['http://127.0.0.1:1'], true, [{ address: at(1) }]],
  ['TLS', ['https://127.0.0.1:1'], true, [{ address: at(1), tls, acceptsPlain: false }]],
  ['TLS without a certificate', ['https://127.0.0.1:1'], false, [{ address: at(1) }]],
  [
    'both at one address',
    ['http://localhost:1', 'https://localhost:1'],
    true,
    [{ address: at(1), tls, acceptsPlain: true }],
  ],
  [
    'both, at two',
    ['https://127.0.0.1:1', 'http://127.0.0.1:2'],
    true,
    [{ address: at(1), tls, acceptsPlain: false }, { address: at(2) }],
  ],
  ['one twice', ['http://127.0.0.1:1', 'http://localhost:1'], true, [{ address: at(1) }]],
  ['a socket', ['unix:///run/a.sock'], true, [{ address: { path: '/run/a.sock' } }]],
])('%s', (_name, urls, isSecure, expected) => {
  expect(bindings(urls, isSecure ? tls : undefined)).toEqual(expected);
});

test('an address of IPv6 has no brackets', () => {
  expect(addressOf('http://[::1]:7')).toEqual({ host: '::1', port: 7 });
});
