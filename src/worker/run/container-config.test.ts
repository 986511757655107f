/** What of a pod the hollow runtime is told with each container. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { containerConfig } from './container-config.js';
import { PodFiles } from './pod-files.js';

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-config-'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function annotationsOf(pod: Pod, name: string): Promise<Record<string, string>> {
  const { containers, initContainers = [] } = pod.spec;
  const container = [...initContainers, ...containers].find((item) => item.name === name);
  const config = await containerConfig({
    id: 'c1',
    sandboxId: 's1',
    restartCount: 0,
    hostname: 'p',
    pod,
    container: container!,
    source: { configMap: () => undefined, secret: () => undefined },
    facts: { nodeName: 'n1', hostIps: ['192.168.0.1'], podIps: ['10.244.1.5'], allocatable: {} },
    services: [],
    files: new PodFiles(dir),
    volumes: {
      setUp: () => Promise.resolve(new Map()),
      refresh: () => Promise.resolve(false),
      tearDown: () => Promise.resolve(),
      podUidsInMemory: () => Promise.resolve([]),
      devicesFor: () => [],
      mountsFor: () => Promise.resolve([]),
    },
    volumePaths: new Map(),
    nodeMemoryBytes: 4 * 1024 ** 3,
    logMaxBytes: 1,
  });
  return { ...config.annotations };
}

const pod = (restartPolicy: string): Pod => ({
  metadata: {
    name: 'p',
    uid: 'uid',
    annotations: { 'trireme.io/hollow-exit-code': '3', other: 'x' },
  },
  spec: {
    restartPolicy,
    initContainers: [{ name: 'first' }, { name: 'sidecar', restartPolicy: 'Always' }],
    containers: [{ name: 'main' }],
  },
});

test.each([
  ['main', 'Always', { 'trireme.io/hollow-exit-code': '3' }],
  ['main', 'Never', { 'trireme.io/hollow-exit-code': '3', 'trireme.io/runs-to-end': 'true' }],
  ['first', 'Always', { 'trireme.io/runs-to-end': 'true' }],
  ['sidecar', 'Never', {}],
])('%s of a pod that restarts %s', async (name, restartPolicy, expected) => {
  const all = await annotationsOf(pod(restartPolicy), name);
  const own = Object.entries(all).filter(([key]) => !key.startsWith('trireme.dev/'));
  expect(Object.fromEntries(own)).toEqual(expected);
});
