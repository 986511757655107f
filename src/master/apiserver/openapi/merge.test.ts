import { expect, test } from '@jest/globals';
import type { RemoteApi } from '../aggregator/index.js';
import { mergeOpenApi } from './merge.js';

const ref = (name: string): object => ({ $ref: `#/definitions/${name}` });

test('paths of the group and version, with what they need; another meaning of a name gets another name', () => {
  const own = {
    swagger: '2.0',
    paths: { '/api/v1/': {} },
    definitions: { Same: { type: 'string' }, Other: { type: 'string' } },
  };
  const openApi = {
    paths: {
      '/apis/g/v1/things': { get: ref('Thing') },
      '/apis/g/v2/things': { get: ref('Unused') },
    },
    definitions: {
      Thing: { properties: { same: ref('Same'), other: ref('Other'), self: ref('Thing') } },
      Same: { type: 'string' },
      Other: { type: 'integer' },
      Unused: {},
    },
  };
  const remote = { group: 'g', version: 'v1', learned: { openApi } } as unknown as RemoteApi;
  expect(mergeOpenApi(own, [remote])).toEqual({
    swagger: '2.0',
    paths: { '/api/v1/': {}, '/apis/g/v1/things': { get: ref('Thing') } },
    definitions: {
      Same: { type: 'string' },
      Other: { type: 'string' },
      Other_v2: { type: 'integer' },
      Thing: { properties: { same: ref('Same'), other: ref('Other_v2'), self: ref('Thing') } },
    },
  });
});
