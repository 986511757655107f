import { describe, expect, test } from '@jest/globals';
import type { ContainerState, SandboxState } from '../../runtime/types.js';
import { findOrphans, orphanAgeMsMin, orphansPerRound } from './orphans.js';

const nowMs = 1_000_000_000;
const oldMs = nowMs - orphanAgeMsMin;

function sandbox(id: string, uid: string, createdAtMs = oldMs): SandboxState {
  return { id, pod: { uid, namespace: 'default', name: uid }, createdAtMs };
}

function container(id: string, sandboxId: string, createdAtMs = oldMs): ContainerState {
  return {
    id,
    sandboxId,
    pod: { uid: 'p', namespace: 'default', name: 'p' },
    name: id,
    restartCount: 0,
    image: 'i',
    imageId: 'i@sha256:0',
    phase: 'exited',
    createdAtMs,
    logPath: '/dev/null',
    tty: false,
    stdin: false,
    annotations: {},
  };
}

const ids = (orphans: ReturnType<typeof findOrphans>): readonly string[] =>
  [...orphans.sandboxes, ...orphans.containers].map(({ id }) => id);

describe('orphans', () => {
  const pods = new Map([
    ['has', 's1'],
    ['starting', undefined],
  ]);

  test('sandboxes of pods that are gone, and those that a pod has left for another', () => {
    const sandboxes = [
      sandbox('s1', 'has'),
      sandbox('s0', 'has'),
      sandbox('s2', 'starting'),
      sandbox('s3', 'gone'),
    ];
    expect(ids(findOrphans({ sandboxes, containers: [] }, pods, nowMs))).toEqual(['s0', 's3']);
  });

  test('containers whose sandbox is gone', () => {
    const held = {
      sandboxes: [sandbox('s1', 'has')],
      containers: [container('c1', 's1'), container('c2', 'lost')],
    };
    expect(ids(findOrphans(held, pods, nowMs))).toEqual(['c2']);
  });

  test('nothing that may still be on its way', () => {
    const young = oldMs + 1;
    const held = {
      sandboxes: [sandbox('s3', 'gone', young)],
      containers: [container('c2', 'lost', young)],
    };
    expect(ids(findOrphans(held, pods, nowMs))).toEqual([]);
  });

  test('so many in one round', () => {
    const containers = Array.from({ length: 100 }, (_, n) => container(`c${n}`, 'lost'));
    expect(ids(findOrphans({ sandboxes: [], containers }, pods, nowMs))).toHaveLength(
      orphansPerRound,
    );
  });
});
