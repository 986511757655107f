import { expect, test } from '@jest/globals';
import { parseGoUrl } from './url.js';

const none = { scheme: '', host: '', user: undefined, fragment: '', query: '' };

test.each([
  [
    'https://a.b:8443/c?d#e%20f',
    { scheme: 'https', host: 'a.b:8443', query: 'd', fragment: 'e f' },
  ],
  [
    'HTTP://u:p@h:99999/x?q#f',
    { scheme: 'http', host: 'h:99999', user: 'u:p', query: 'q', fragment: 'f' },
  ],
  ['https://[::1]:80', { scheme: 'https', host: '[::1]:80' }],
  ['mailto:a@b', { scheme: 'mailto' }],
  ['a/b:c', {}],
  ['', {}],
])('%s is a URL', (text, parts) => {
  expect(parseGoUrl(text)).toEqual({ ...none, ...parts });
});

test.each([
  ['[%zz', 'parse "[%zz": invalid URL escape "%zz"'],
  ['https://a/%z#b', 'parse "https://a/%z": invalid URL escape "%z"'],
  ['https://a#%', 'parse "https://a#%": invalid URL escape "%"'],
  ['ä\u0001\n', String.raw`parse "ä\x01\n": net/url: invalid control character in URL`],
  [':a', 'parse ":a": missing protocol scheme'],
  ['1:2', 'parse "1:2": first path segment in URL cannot contain colon'],
  ['https://a:b', 'parse "https://a:b": invalid port ":b" after host'],
  ['https://[a', `parse "https://[a": missing ']' in host`],
  ['https://a b', 'parse "https://a b": invalid character " " in host name'],
  ['https://%41', 'parse "https://%41": invalid URL escape "%41"'],
  ['https://a b@c', 'parse "https://a b@c": net/url: invalid userinfo'],
])('%s is none', (text, fault) => {
  expect(parseGoUrl(text)).toBe(fault);
});
