/**
 * Golden file: a pod in, the OCI runtime specification of its first container out. The first is whole, the others say
 * what differs from it. `UPDATE=1` records it anew.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Pod } from '../../api/types/core.js';
import { buildSpec } from '../../runtime/containerd/spec.js';
import type { ImageProcess } from '../../runtime/image-config.js';
import { compareGolden } from '../../lib/testkit/golden.js';
import { containerConfig } from './container-config.js';
import type { NodeVolumes } from './node-context.js';
import { hostnameOf, PodFiles } from './pod-files.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-spec-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The input of a section: the pod's spec, and the properties of node and image that shape the specification. */
interface Case {
  readonly spec: Pod['spec'];
  readonly image?: ImageProcess;
  /** @default false */
  readonly cgroupV2?: boolean;
  /** True when the agent may lower an OOM score. @default true */
  readonly mayLowerOomScore?: boolean;
}

const volumes: NodeVolumes = {
  setUp: () => Promise.resolve(new Map()),
  refresh: () => Promise.resolve(false),
  tearDown: () => Promise.resolve(),
  podUidsInMemory: () => Promise.resolve([]),
  devicesFor: () => [],
  mountsFor: ({ container }) =>
    Promise.resolve(
      (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, mountPropagation }) => ({
        hostPath: `/pod/volumes/${name}`,
        containerPath: mountPath,
        readOnly: readOnly ?? false,
        ...(mountPropagation === undefined
          ? {}
          : { propagation: mountPropagation as 'None' | 'HostToContainer' | 'Bidirectional' }),
      })),
    ),
};

const accounts = {
  passwd: 'root:x:0:0::/root:/bin/sh\nweb:x:33:44::/:/bin/false\n',
  group: 'root:x:0:\nweb:x:44:\nextra:x:50:web\n',
};

async function specOf(given: Case): Promise<unknown> {
  const { spec, image = {}, cgroupV2 = false, mayLowerOomScore = true } = given;
  const pod: Pod = { metadata: { namespace: 'default', name: 'web', uid: 'uid' }, spec };
  const [container] = spec.containers;
  const hostname = hostnameOf(pod, { nodeName: 'n1', domain: 'cluster.local' });
  const config = await containerConfig({
    id: 'c1',
    sandboxId: 's1',
    restartCount: 0,
    hostname,
    pod,
    container: container!,
    source: { configMap: () => undefined, secret: () => undefined },
    facts: { nodeName: 'n1', hostIps: ['192.168.0.1'], podIps: ['10.244.1.5'], allocatable: {} },
    services: [],
    files: new PodFiles(dir),
    volumes,
    volumePaths: new Map(),
    nodeMemoryBytes: 4 * 1024 ** 3,
    logMaxBytes: 1,
  });
  return buildSpec({
    config,
    image,
    accounts,
    rootfs: '/rootfs',
    hostname,
    namespaces: {
      hostNetwork: spec.hostNetwork ?? false,
      hostPid: spec.hostPID ?? false,
      hostIpc: spec.hostIPC ?? false,
      sharePid: spec.shareProcessNamespace ?? false,
    },
    paths: { network: '/run/netns/s1', ipc: '/ipc/s1', shm: '/shm/s1', pid: '/proc/7/ns/pid' },
    cgroupsPath: '/kubepods/poduid/c1',
    sysctls: Object.fromEntries(
      (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]),
    ),
    cgroupV2,
    seccompProfile:
      config.security.seccomp === 'Unconfined' ? undefined : { profile: config.security.seccomp },
    devices: [],
    mayLowerOomScore,
    shimGroup: 'uid',
  });
}

/** Every leaf by its path; a list of plain values, and a mount, is one leaf. */
function leaves(value: unknown, at = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) return new Map([[at, JSON.stringify(value)]]);
  if (Array.isArray(value)) {
    const isPlain = value.every((item) => typeof item !== 'object');
    if (isPlain) return new Map([[at, value.join(' ')]]);
    return new Map(
      value.map((item: Record<string, string>) => {
        const { destination, type, ...rest } = item;
        const name = destination ?? type ?? '';
        return [
          `${at}[${name}]`,
          Object.values({ type, ...rest })
            .flat()
            .join(' '),
        ];
      }),
    );
  }
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [
      ...leaves(inner, at === '' ? key : `${at}.${key}`),
    ]),
  );
}

function difference(base: unknown, other: unknown): string {
  const [before, after] = [leaves(base), leaves(other)];
  const removed = [...before].filter(([key]) => !after.has(key)).map(([key]) => `- ${key}`);
  const changed = [...after].filter(([key, text]) => before.get(key) !== text);
  return [...removed, ...changed.map(([key, text]) => `${key}: ${text}`)].join('\n');
}

test('specifications', async () => {
  let base: unknown;
  const { found, wanted } = await compareGolden(
    'src/worker/run/testdata',
    'container-specs',
    (given) =>
      specOf(given as Case).then(
        (spec) => {
          const isFirst = base === undefined;
          base ??= spec;
          const text = isFirst
            ? stringify(spec, { lineWidth: 0, aliasDuplicateObjects: false })
            : difference(base, spec);
          return text.replaceAll(dir, '<dir>');
        },
        (error: unknown) => String(error),
      ),
  );
  expect(found).toBe(wanted);
});
