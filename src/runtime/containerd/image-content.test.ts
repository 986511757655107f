import { expect, test } from '@jest/globals';
import { chainIdOf } from './image-content.js';
import { parseNames, parseSnapshotParent } from './view-commands.js';

test('the chain of layers is named as the OCI image specification says', () => {
  const sum = (text: string): string => `sha256:${text.repeat(64)}`;
  expect(chainIdOf([sum('a')])).toBe(sum('a'));
  // printf 'sha256:aa… sha256:bb…' | sha256sum
  expect(chainIdOf([sum('a'), sum('b')])).toBe(
    'sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c',
  );
  expect(chainIdOf([sum('a'), sum('b'), sum('c')])).not.toBe(
    chainIdOf([sum('a'), sum('c'), sum('b')]),
  );
  expect(chainIdOf([])).toBe('');
});

test('names of ours in listings, whatever stands beside them', () => {
  const text = [
    'KEY PARENT KIND',
    '/data dir/images/sha256-0a1b sha256:ff View',
    '/data dir/images-of-others/x sha256:ff View',
    'sha256:ff Committed',
    '',
  ].join('\n');
  expect(parseNames(text, '/data dir/images/')).toEqual(['/data dir/images/sha256-0a1b']);
});

test('the parent of a snapshot', () => {
  expect(parseSnapshotParent('{"Kind":"View","Parent":"sha256:ff"}')).toBe('sha256:ff');
  expect(parseSnapshotParent('{"Parent":1}')).toBeUndefined();
  expect(parseSnapshotParent('ctr: not found')).toBeUndefined();
});
