import { beforeEach, expect, test } from '@jest/globals';
import type { AdmissionRequest } from '../registry/types.js';
import type { AdmissionPlugin } from './chain.js';
import { AdmissionChain } from './chain.js';

let seen: string[];
beforeEach(() => {
  seen = [];
});
const request = { operation: 'CREATE' } as AdmissionRequest;

/** A plugin that notes its turns. @param changes whether it changes the object, at its first turn */
function plugin(
  name: string,
  more: Partial<AdmissionPlugin> = {},
  changes = false,
): AdmissionPlugin {
  let first = true;
  return {
    name,
    handles: () => true,
    mutate: () => {
      seen.push(`${name} mutates`);
      const hasChanged = changes && first;
      first = false;
      return Promise.resolve(hasChanged);
    },
    validate: () => void seen.push(`${name} validates`),
    abandon: () => void seen.push(`${name} abandons`),
    ...more,
  };
}

test('plugins have their turns in order, each where it has something to do', async () => {
  const chain = new AdmissionChain([
    plugin('a'),
    plugin('b', { handles: () => false }),
    { name: 'c', handles: () => true, validate: () => void seen.push('c validates') },
    plugin('d'),
  ]);
  await chain.mutate(request);
  await chain.validate(request);
  await chain.abandon(request);
  expect(seen).toEqual([
    'a mutates',
    'd mutates',
    'a validates',
    'c validates',
    'd validates',
    'a abandons',
    'd abandons',
  ]);
});

test('all others see once more what one has changed, those before it too', async () => {
  const chain = new AdmissionChain([plugin('a'), plugin('hook', {}, true), plugin('c')]);
  await chain.mutate(request);
  expect(seen).toEqual(['a mutates', 'hook mutates', 'c mutates', 'a mutates', 'c mutates']);
});

test('the first refusal ends it', async () => {
  const no = (): never => {
    throw new Error('no');
  };
  const chain = new AdmissionChain([
    plugin('a'),
    plugin('b', { mutate: no, validate: no }),
    plugin('c'),
  ]);
  await expect(chain.mutate(request)).rejects.toThrow('no');
  await expect(chain.validate(request)).rejects.toThrow('no');
  expect(seen).toEqual(['a mutates', 'a validates']);
});
