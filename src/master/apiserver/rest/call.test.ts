import { expect, test } from '@jest/globals';
import { callOf } from './call.js';
import { exchangeOf } from './testkit/exchange.js';

const pods = '/api/v1/namespaces/ns/pods';
const encoded = (text: string): string => Buffer.from(text).toString('base64url');

test.each<[string, Record<string, string>, string]>([
  ['none', {}, ''],
  ['a bearer token', { authorization: 'Bearer abc' }, 'abc'],
  ['another scheme', { authorization: 'Basic abc' }, ''],
  [
    'a subprotocol of a WebSocket',
    {
      'sec-websocket-protocol': `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${encoded('abc')}`,
    },
    'abc',
  ],
  [
    'both: the header counts',
    {
      authorization: 'Bearer one',
      'sec-websocket-protocol': `base64url.bearer.authorization.k8s.io.${encoded('two')}`,
    },
    'one',
  ],
  ['no token among the subprotocols', { 'sec-websocket-protocol': 'v4.channel.k8s.io' }, ''],
])('the token of a request: %s', (_, headers, token) => {
  expect(callOf(exchangeOf(`GET ${pods}`, headers)).caller.credentials.token).toBe(token);
});

test('the headers by which somebody acts as another are taken, and no others', () => {
  const headers = {
    'Impersonate-User': 'jane',
    'impersonate-extra-scopes': 'a',
    impersonat: 'x',
    'x-impersonate-user': 'y',
  };
  const { caller } = callOf(exchangeOf(`GET ${pods}`, headers));
  expect(caller.impersonation).toEqual([
    'Impersonate-User',
    'jane',
    'impersonate-extra-scopes',
    'a',
  ]);
});

test.each([
  [`GET ${pods}?fieldSelector=a%3Db`, 'list', 'a=b'],
  [`GET ${pods}?watch=1&fieldSelector=a%3Db`, 'watch', 'a=b'],
  [`DELETE ${pods}?fieldSelector=a%3Db`, 'deletecollection', 'a=b'],
  // A request about one object selects nothing, whatever its query says.
  [`GET ${pods}/p?fieldSelector=a%3Db`, 'get', ''],
  [`POST ${pods}?fieldSelector=a%3Db`, 'create', ''],
])('%s is a %s that selects %j', (line, verb, fieldSelector) => {
  expect(callOf(exchangeOf(line))).toMatchObject({ verb, fieldSelector });
});
