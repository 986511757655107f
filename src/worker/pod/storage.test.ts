import { expect, test } from '@jest/globals';
import type { Container, Pod, Volume } from '../../api/types/core.js';
import { hasStorageLimits, storageExcess } from './storage.js';

const mebi = 2 ** 20;

function podOf(volumes: Volume[], containers: Partial<Container>[] = [{}]): Pod {
  const named = containers.map((container, n) => ({ name: `c${n}`, image: 'i', ...container }));
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { volumes, containers: named },
  };
}

const cache: Volume = { name: 'cache', emptyDir: { sizeLimit: '10Mi' } };
const limited = (size: string): Partial<Container> => ({
  resources: { limits: { 'ephemeral-storage': size } },
});

test.each<[string, Pod, boolean]>([
  ['nothing', podOf([]), false],
  ['an emptyDir with a limit', podOf([cache]), true],
  ['an emptyDir without one', podOf([{ name: 'x', emptyDir: {} }]), false],
  ['one whose limit is zero', podOf([{ name: 'x', emptyDir: { sizeLimit: '0' } }]), false],
  ['one in memory', podOf([{ name: 'x', emptyDir: { sizeLimit: '1', medium: 'Memory' } }]), false],
  ['a container with a limit', podOf([], [limited('1Gi')]), true],
])('a pod with %s: looked at is %s', (_, pod, expected) => {
  expect(hasStorageLimits(pod)).toBe(expected);
});

test.each<[string, Pod, number, number[], string | undefined]>([
  ['as much as it may', podOf([cache]), 10 * mebi, [0], undefined],
  [
    'too much in a volume',
    podOf([cache]),
    10 * mebi + 1,
    [0],
    'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". ',
  ],
  ['much in a container without a limit', podOf([cache]), 0, [99 * mebi], undefined],
  [
    'too much in a container',
    podOf([], [limited('1Mi'), limited('9Mi')]),
    0,
    [2 * mebi, 0],
    'Container c0 exceeded its local ephemeral storage limit "1Mi". ',
  ],
  [
    'too much in all together, volumes with them',
    podOf([{ name: 'cache', emptyDir: {} }], [limited('1Mi'), limited('2Mi')]),
    2 * mebi,
    [mebi, 1],
    'Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. ',
  ],
])('a pod that has written %s', (_, pod, inVolume, inContainers, expected) => {
  const volumes = new Map([['cache', inVolume]]);
  const containers = new Map(inContainers.map((bytes, n) => [`c${n}`, bytes] as const));
  expect(storageExcess(pod, { volumes, containers })).toBe(expected);
});
