import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeRuncState } from './runc-state.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runc-state-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function container(namespace: string, id: string, state: unknown): void {
  mkdirSync(join(root, namespace, id), { recursive: true });
  const text = typeof state === 'string' ? state : JSON.stringify(state);
  writeFileSync(join(root, namespace, id, 'state.json'), text);
}

const below = (dataDir: string, id: string) => ({ config: { rootfs: `${dataDir}/${id}/rootfs` } });

test("a host's containers go, with their namespace when it is empty; others' stay", async () => {
  container('ours', 'a', below('/home/c/worker-1', 'a'));
  container('ours', 'b', below('/home/c/worker-1', 'b'));
  container('shared', 'c', below('/home/c/worker-1', 'c'));
  container('shared', 'd', below('/home/c/worker-10', 'd'));
  container('theirs', 'e', below('/home/other', 'e'));
  container('broken', 'f', '{"config":');
  container('broken', 'g', { config: {} });
  mkdirSync(join(root, 'empty'));
  await removeRuncState('/home/c/worker-1', root);
  const left = readdirSync(root).flatMap((namespace) => [
    namespace,
    ...readdirSync(join(root, namespace)).map((id) => `${namespace}/${id}`),
  ]);
  expect(left.toSorted()).toEqual([
    'broken',
    'broken/f',
    'broken/g',
    'empty',
    'shared',
    'shared/d',
    'theirs',
    'theirs/e',
  ]);
});

test('where runc has never run there is nothing to do', async () => {
  await removeRuncState('/home/c/worker-1', join(root, 'absent'));
});
