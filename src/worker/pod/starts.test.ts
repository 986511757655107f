import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import type { PodAction } from './decide.js';
import { decide } from './decide.js';
import * as record from './record.js';
import type { PodState } from './state.js';
import { newPodState } from './state.js';

describe.each(['init', 'sidecar', 'main', 'ephemeral'] as const)(
  'a start of a %s container',
  (role) => {
    const container = { name: 'it', image: 'i' };
    const others = { containers: [{ name: 'main', image: 'i' }] };
    const spec = {
      init: { ...others, initContainers: [container] },
      sidecar: { ...others, initContainers: [{ ...container, restartPolicy: 'Always' }] },
      main: { containers: [container] },
      ephemeral: { ...others, ephemeralContainers: [container] },
    }[role];
    const startsOf = (state: PodState, nowMs: number): PodAction[] =>
      decide(state, nowMs).actions.filter(
        (action) => action.type === 'startContainer' && action.container === 'it',
      );
    const begun = (): PodState => {
      const metadata = { name: 'p', namespace: 'ns', uid: 'u' };
      const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec };
      const state = newPodState(pod, 0);
      for (const part of ['sandbox', 'volumes'] as const) {
        record.recordPartBegun(state, part);
        record.recordPartDone(state, part, { id: 's', ips: [] });
      }
      const tracked = state.trackedContainers.get('it')!;
      record.recordImageReady(tracked);
      expect(startsOf(state, 0)).toHaveLength(1);
      record.recordStartBegun(state, tracked, 0);
      return state;
    };

    test('is not asked for again while it is under way, however long that is', () => {
      const state = begun();
      for (const nowMs of [0, 1, 60_000, 3_600_000]) expect(startsOf(state, nowMs)).toEqual([]);
    });

    test('that failed is tried again after a while, with the image looked for anew', () => {
      const state = begun();
      const tracked = state.trackedContainers.get('it')!;
      record.recordStartFailed(tracked, { reason: 'CreateContainerError', message: 'no' }, 0);
      expect(decide(state, 5000).actions).not.toContainEqual({ type: 'getImage', container: 'it' });
      expect(decide(state, 10_000).actions).toContainEqual({ type: 'getImage', container: 'it' });
      record.recordImageBegun(tracked);
      expect(startsOf(state, 10_000)).toEqual([]);
      record.recordImageReady(tracked);
      expect(startsOf(state, 10_000)).toHaveLength(1);
    });
  },
);
