/** What the runtime says, as the agent has it. */
import { describe, expect, test } from '@jest/globals';
import { ContainerStats, ContainerStatus, Image, PodSandboxStatus } from '../../gen/cri/api.js';
import { containerState, containerStats, imageInfos, imageUserOf, sandboxState } from './states.js';
import { sandboxImageOf } from './images.js';

const labels = {
  'io.kubernetes.pod.name': 'web',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': 'u1',
  'io.kubernetes.container.name': 'main',
};
const note = {
  sandboxId: 's1',
  image: 'busybox',
  logPath: '/l/0.log',
  logMaxBytes: 1,
  stdin: false,
  tty: true,
  cgroup: '/kubepods/podu1',
  annotations: { wanted: 'busybox' },
};
const status = (fields: object): ContainerStatus =>
  ContainerStatus.fromJSON({
    id: 'abc',
    metadata: { name: 'main', attempt: 2 },
    created_at: '1700000000000999999',
    image_ref: 'docker.io/library/busybox@sha256:1',
    labels: { ...labels, 'trireme.io/container-id': 'c1' },
    annotations: { 'trireme.io/record': JSON.stringify(note) },
    ...fields,
  });
const common = {
  id: 'c1',
  reportedId: 'containerd://abc',
  sandboxId: 's1',
  pod: { uid: 'u1', namespace: 'default', name: 'web' },
  name: 'main',
  restartCount: 2,
  image: 'busybox',
  imageId: 'docker.io/library/busybox@sha256:1',
  createdAtMs: 1_700_000_000_000,
  logPath: '/l/0.log',
  tty: true,
  stdin: false,
  annotations: { wanted: 'busybox' },
};

describe('containers', () => {
  test.each<[string, object, object]>([
    ['created', { state: 'CONTAINER_CREATED' }, { phase: 'created' }],
    [
      'running',
      { state: 'CONTAINER_RUNNING', started_at: '1700000001000000000' },
      { phase: 'running', startedAtMs: 1_700_000_001_000 },
    ],
    [
      'ended',
      {
        state: 'CONTAINER_EXITED',
        started_at: '1700000001000000000',
        finished_at: '1700000002000000000',
        exit_code: 3,
        reason: 'Error',
      },
      {
        phase: 'exited',
        startedAtMs: 1_700_000_001_000,
        finishedAtMs: 1_700_000_002_000,
        exitCode: 3,
      },
    ],
    [
      'ended by the kernel for its memory',
      {
        state: 'CONTAINER_EXITED',
        finished_at: '1700000002000000000',
        exit_code: 137,
        reason: 'OOMKilled',
      },
      { phase: 'exited', finishedAtMs: 1_700_000_002_000, exitCode: 137, oomKilled: true },
    ],
    ['ended well', { state: 'CONTAINER_EXITED' }, { phase: 'exited', exitCode: 0 }],
    ['out of sight', { state: 'CONTAINER_UNKNOWN' }, { phase: 'exited', exitCode: 255 }],
  ])('%s', (_, fields, expected) => {
    expect(containerState(status(fields), 'containerd')).toEqual({ ...common, ...expected });
  });

  test('what was added later is there too', () => {
    const state = containerState(status({}), 'containerd', { size: 'big', wanted: 'other' });
    expect(state?.annotations).toEqual({ wanted: 'other', size: 'big' });
  });

  test("somebody else's, and one whose record cannot be read, are not ours", () => {
    expect(containerState(status({ labels }), 'containerd')).toBeUndefined();
    expect(containerState(status({ annotations: {} }), 'containerd')).toBeUndefined();
    const broken = { annotations: { 'trireme.io/record': '{"sandboxId":' } };
    expect(containerState(status(broken), 'containerd')).toBeUndefined();
  });
});

describe('sandboxes', () => {
  const sandbox = (fields: object): PodSandboxStatus =>
    PodSandboxStatus.fromJSON({
      id: 'sb',
      created_at: '1700000000000000000',
      labels: { ...labels, 'trireme.io/sandbox-id': 's1' },
      network: { ip: '10.244.1.5', additional_ips: [{ ip: 'fd00::5' }] },
      ...fields,
    });
  const pod = common.pod;

  test('has its addresses', () => {
    const ips = ['10.244.1.5', 'fd00::5'];
    expect(sandboxState(sandbox({}))).toEqual({
      id: 's1',
      pod,
      createdAtMs: common.createdAtMs,
      ips,
    });
    expect(sandboxState(sandbox({ network: undefined }))?.ips).toEqual([]);
  });

  test("has none on its node's network, and is not ours without the label", () => {
    const linux = { namespaces: { options: { network: 'NODE' } } };
    expect(sandboxState(sandbox({ linux }))).toEqual({
      id: 's1',
      pod,
      createdAtMs: common.createdAtMs,
    });
    expect(sandboxState(sandbox({ labels }))).toBeUndefined();
  });
});

describe('images', () => {
  const image = (fields: object): Image =>
    Image.fromJSON({ id: 'sha256:cfg', size: '42', ...fields });

  test('each tag is an entry, with the digest of its repository', () => {
    const listed = imageInfos(
      image({
        repo_tags: ['docker.io/library/web:1', 'registry.local:5000/web:2'],
        repo_digests: ['docker.io/library/web@sha256:d1'],
      }),
    );
    expect(listed).toEqual([
      { reference: 'docker.io/library/web:1', digest: 'sha256:d1', sizeBytes: 42 },
      { reference: 'registry.local:5000/web:2', digest: 'sha256:cfg', sizeBytes: 42 },
    ]);
  });

  test('one without a tag goes by its digest', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(imageInfos(image({ repo_digests: [`docker.io/library/web@${digest}`] }))).toEqual([
      { reference: `docker.io/library/web@${digest}`, digest, sizeBytes: 42 },
    ]);
    expect(imageInfos(image({}))).toEqual([]);
  });

  test('its user is a number, a name or nobody', () => {
    expect(imageUserOf(image({ uid: { value: '101' } }))).toBe('101');
    expect(imageUserOf(image({ uid: { value: '0' } }))).toBe('0');
    expect(imageUserOf(image({ username: 'www' }))).toBe('www');
    expect(imageUserOf(image({}))).toBe('');
  });

  test('the image of sandboxes is known where the status says it', () => {
    expect(sandboxImageOf({ config: '{"sandboxImage":"pause:1"}' })).toBe(
      'docker.io/library/pause:1',
    );
    for (const config of ['', '{', '{}', '{"sandboxImage":7}', '{"sandboxImage":"A B"}']) {
      expect(sandboxImageOf({ config })).toBeUndefined();
    }
    expect(sandboxImageOf({})).toBeUndefined();
  });
});

test('stats are of our containers alone', () => {
  const stats = (own: object): ContainerStats =>
    ContainerStats.fromJSON({
      attributes: { id: 'abc', labels: own },
      cpu: { timestamp: '1700000000000000000', usage_core_nano_seconds: { value: '5' } },
      memory: { working_set_bytes: { value: '7' } },
    });
  expect(containerStats(stats(labels))).toBeUndefined();
  expect(containerStats(stats({ 'trireme.io/container-id': 'c1' }))).toEqual({
    id: 'c1',
    atMs: common.createdAtMs,
    cpuUsageNanos: 5,
    memoryWorkingSetBytes: 7,
    memoryUsageBytes: 7,
    memoryRssBytes: 0,
    pids: 0,
  });
});
