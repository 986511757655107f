import { describe, expect, test } from '@jest/globals';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
} from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import {
  boundStatus,
  planBoundClaim,
  planClaim,
  planNamedClaim,
  planVolume,
  protectedFinalizers,
  unboundStatus,
} from './plan.js';
import { localVolume } from './provisioner.js';

interface ClaimState {
  readonly class?: string;
  readonly size?: string;
  readonly selectedNode?: string;
}

function claim(state: ClaimState = {}): PersistentVolumeClaim {
  const { size = '1Gi', selectedNode } = state;
  return {
    metadata: {
      name: 'data',
      namespace: 'default',
      uid: 'uid-data',
      annotations:
        selectedNode === undefined ? {} : { 'volume.kubernetes.io/selected-node': selectedNode },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      storageClassName: state.class ?? '',
    },
  };
}

interface VolumeState {
  readonly size?: string;
  readonly class?: string;
  readonly phase?: string;
  readonly claim?: string;
  readonly claimUid?: string;
}

function volume(name: string, state: VolumeState = {}): PersistentVolume {
  const { size = '1Gi', claim: reserved, claimUid } = state;
  const uid = claimUid === undefined ? {} : { uid: claimUid };
  return {
    metadata: { name },
    spec: {
      capacity: { storage: size },
      accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
      storageClassName: state.class ?? '',
      ...(reserved === undefined
        ? {}
        : { claimRef: { namespace: 'default', name: reserved, ...uid } }),
    },
    status: { phase: state.phase ?? 'Available' },
  };
}

const storageClass = (provisioner: string, volumeBindingMode = 'Immediate'): StorageClass => ({
  metadata: { name: 'disk' },
  provisioner,
  volumeBindingMode,
});
const waiting = storageClass('example.com/disk', 'WaitForFirstConsumer');

function step(
  of: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  by?: StorageClass,
): string {
  const found = planClaim(of, volumes, by);
  if (found.type === 'bind') return `bind ${found.volume.metadata.name}`;
  if (found.type === 'provision') return `provision by ${found.provisioner}`;
  return found.notice === undefined ? 'wait' : `${found.notice.reason}: ${found.notice.message}`;
}

describe('a claim without a volume', () => {
  const disk = claim({ class: 'disk' });
  test.each([
    [
      'the smallest that is large enough',
      claim({ size: '2Gi' }),
      [volume('small'), volume('large', { size: '9Gi' }), volume('fits', { size: '3Gi' })],
      undefined,
      'bind fits',
    ],
    [
      'of its class only',
      disk,
      [volume('other')],
      storageClass('example.com/disk'),
      'provision by example.com/disk',
    ],
    [
      'one that is taken is not free',
      claim(),
      [volume('taken', { claim: 'other' })],
      undefined,
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ],
    [
      'nor one that was released',
      claim(),
      [volume('old', { phase: 'Released' })],
      undefined,
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ],
    [
      'one that is reserved for it by name',
      claim(),
      [volume('free'), volume('mine', { claim: 'data' })],
      undefined,
      'bind mine',
    ],
    [
      'by name, for another claim of that name',
      claim(),
      [volume('mine', { claim: 'data', claimUid: 'former' })],
      undefined,
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ],
    [
      'its class does not exist',
      disk,
      [],
      undefined,
      'ProvisioningFailed: storageclass.storage.k8s.io "disk" not found',
    ],
    [
      'no provisioner',
      disk,
      [],
      storageClass('kubernetes.io/no-provisioner'),
      'ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner',
    ],
    [
      'a consumer comes first',
      disk,
      [volume('free', { class: 'disk' })],
      waiting,
      'WaitForFirstConsumer: waiting for first consumer to be created before binding',
    ],
    [
      'the scheduler has reserved one',
      disk,
      [volume('mine', { class: 'disk', claim: 'data', claimUid: 'uid-data' })],
      waiting,
      'bind mine',
    ],
    [
      'the scheduler has chosen a node',
      claim({ class: 'disk', selectedNode: 'n' }),
      [volume('free', { class: 'disk' })],
      waiting,
      'provision by example.com/disk',
    ],
  ])('%s', (_, of, volumes, by, wanted) => {
    expect(step(of, volumes, by)).toBe(wanted);
  });
});

test.each([
  ['free', volume('v'), 'bind'],
  ['reserved for it', volume('v', { claim: 'data' }), 'bind'],
  ['bound to it', volume('v', { claim: 'data', claimUid: 'uid-data' }), 'bind'],
  ['not there', undefined, 'wait'],
  [
    'of another',
    volume('v', { claim: 'other', claimUid: 'x' }),
    'FailedBinding: volume "v" already bound to a different claim.',
  ],
  [
    'too small',
    volume('v', { size: '1Mi' }),
    'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small',
  ],
  [
    'of another class',
    volume('v', { class: 'x' }),
    'VolumeMismatch: Cannot bind to requested volume "v": storageClassName does not match',
  ],
])('the volume that a claim names is %s', (_, named, wanted) => {
  const next = planNamedClaim(claim(), named);
  const notice = next.type === 'wait' ? next.notice : undefined;
  expect(notice === undefined ? next.type : `${notice.reason}: ${notice.message}`).toBe(wanted);
});

test.each([
  [[], 'waiting for first consumer to be created before binding'],
  [['p'], 'waiting for pod p to be scheduled'],
  [['p', 'q'], 'waiting for pods p,q to be scheduled'],
])('a claim that waits for %j', (unplaced, message) => {
  expect(planClaim(claim({ class: 'disk' }), [], waiting, unplaced)).toMatchObject({
    notice: { message },
  });
});

describe('the status of a claim', () => {
  const accessModes = ['ReadWriteOnce', 'ReadOnlyMany'];
  const having = (status: PersistentVolumeClaimStatus): PersistentVolumeClaim => ({
    ...claim(),
    status,
  });

  test('that is being bound shows what its volume has', () => {
    const before = having({ phase: 'Pending', conditions: [] });
    expect(boundStatus(before, volume('v', { size: '9Gi' }))).toEqual({
      phase: 'Bound',
      accessModes,
      capacity: { storage: '9Gi' },
      conditions: [],
    });
  });

  test('that is bound keeps the size of its file system', () => {
    const before = having({ phase: 'Bound', accessModes: [], capacity: { storage: '8Gi' } });
    expect(boundStatus(before, volume('v', { size: '9Gi' }))).toEqual({
      phase: 'Bound',
      accessModes,
      capacity: { storage: '8Gi' },
    });
  });

  test.each(['Pending', 'Lost'] as const)('that is %s has no size and no modes', (phase) => {
    const before = having({ phase: 'Bound', accessModes, capacity: { storage: '9Gi' } });
    expect(unboundStatus(before, phase)).toEqual({ phase });
    expect(unboundStatus(claim(), phase)).toEqual({ phase });
  });
});

test.each<[string, string, PersistentVolume | undefined, string]>([
  ['and its volume is too', 'v', volume('v', { claim: 'data', claimUid: 'uid-data' }), 'bound'],
  ['and its volume was let go', 'v', volume('v'), 'bind'],
  [
    'and names none',
    '',
    undefined,
    'ClaimLost: Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
  ],
  [
    'and its volume is gone',
    'v',
    undefined,
    'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!',
  ],
  [
    'as another one is, to the same volume',
    'v',
    volume('v', { claim: 'data', claimUid: 'former' }),
    'ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly',
  ],
])('a claim is bound, %s', (_, volumeName, found, next) => {
  const bound = { ...claim(), spec: { ...claim().spec, volumeName } };
  const given = planBoundClaim(bound, found);
  const { type } = given;
  expect(type === 'lost' ? `${given.notice.reason}: ${given.notice.message}` : type).toBe(next);
});

test.each([
  ['new', undefined, false, false, ['keep']],
  ['protected', ['keep'], false, false, undefined],
  ['beside others', ['other'], false, true, ['other', 'keep']],
  ['deleted and in use', ['keep'], true, true, undefined],
  ['deleted and free', ['other', 'keep'], true, false, ['other']],
  ['deleted, never protected', [], true, false, undefined],
])('protection: %s', (_, finalizers, deleted, used, wanted) => {
  const of = claim();
  if (finalizers !== undefined) of.metadata.finalizers = finalizers;
  if (deleted) of.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  expect(protectedFinalizers(of, 'keep', () => used)).toEqual(wanted);
});

test('a volume of the local provisioner is pinned to its node, and named after the claim’s uid', () => {
  const by: StorageClass = { ...storageClass('x'), reclaimPolicy: 'Retain', mountOptions: ['ro'] };
  const made = localVolume(claim({ size: '3Gi' }), by, 'n1', '/var/lib/local');
  expect(made.metadata.name).toBe('pvc-uid-data');
  expect(made.spec).toMatchObject({
    capacity: { storage: '3Gi' },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: 'disk',
    mountOptions: ['ro'],
    claimRef: { namespace: 'default', name: 'data', uid: 'uid-data' },
    local: { path: '/var/lib/local/pvc-uid-data_default_data' },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] },
        ],
      },
    },
  });
});

describe('a volume', () => {
  const boundTo = (volumeName: string): PersistentVolumeClaim => {
    const made = claim();
    return { ...made, spec: { ...made.spec, volumeName } };
  };
  const mine = (state: VolumeState = {}): PersistentVolume =>
    volume('v', { claim: 'data', claimUid: 'uid-data', ...state });
  const withPolicy = (of: PersistentVolume, policy: string): PersistentVolume => ({
    ...of,
    spec: { ...of.spec, persistentVolumeReclaimPolicy: policy },
  });
  const annotated = (of: PersistentVolume, name: string): PersistentVolume => ({
    ...of,
    metadata: { ...of.metadata, annotations: { [name]: 'yes', other: 'stays' } },
  });
  const byController = 'pv.kubernetes.io/bound-by-controller';
  const provisioned = 'pv.kubernetes.io/provisioned-by';

  test.each<[string, PersistentVolume, PersistentVolumeClaim | undefined, object]>([
    ['free', volume('v'), undefined, { phase: 'Available', reclaim: { type: 'keep' } }],
    [
      'reserved by name only',
      volume('v', { claim: 'data' }),
      undefined,
      { phase: 'Available', reclaim: { type: 'keep' } },
    ],
    [
      'reserved by name only, said by an empty uid',
      volume('v', { claim: 'data', claimUid: '' }),
      undefined,
      { phase: 'Available', reclaim: { type: 'keep' } },
    ],
    ['of its claim', mine(), boundTo('v'), { phase: 'Bound', reclaim: { type: 'keep' } }],
    ['whose claim is not bound yet', mine(), boundTo(''), { type: 'wait' }],
    [
      'whose claim is gone',
      withPolicy(mine(), 'Retain'),
      undefined,
      { phase: 'Released', reclaim: { type: 'keep' } },
    ],
    [
      'whose claim is gone, to be deleted',
      withPolicy(mine(), 'Delete'),
      undefined,
      { phase: 'Released', reclaim: { type: 'fail', reason: 'VolumeFailedDelete' } },
    ],
    [
      'that could not be deleted says so still',
      withPolicy(mine({ phase: 'Failed' }), 'Delete'),
      undefined,
      { phase: 'Failed', reclaim: { type: 'fail' } },
    ],
    [
      'made for a claim that is bound elsewhere',
      annotated(withPolicy(mine(), 'Delete'), provisioned),
      boundTo('w'),
      { phase: 'Released', reclaim: { type: 'keep' } },
    ],
  ])('%s', (_, of, by, step) => {
    expect(planVolume(of, by)).toMatchObject(step);
  });

  test('that was chosen for a claim bound elsewhere is free again', () => {
    const step = planVolume(annotated(mine(), byController), boundTo('w'));
    if (step.type !== 'unbind') throw new Error(step.type);
    expect(step.volume.spec.claimRef).toBeUndefined();
    expect(step.volume.metadata.annotations).toEqual({ other: 'stays' });
  });

  test.each([
    ['reserved by its owner', mine()],
    ['kept after use', annotated(withPolicy(mine(), 'Retain'), provisioned)],
  ])('%s, of a claim bound elsewhere, stays reserved by name', (_, of) => {
    const step = planVolume(of, boundTo('w'));
    if (step.type !== 'unbind') throw new Error(step.type);
    expect(step.volume.spec.claimRef).toEqual({ namespace: 'default', name: 'data' });
  });
});
