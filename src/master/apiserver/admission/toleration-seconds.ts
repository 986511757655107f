import type { Pod } from '../../../api/types/core.js';
import type { AdmissionPlugin } from './chain.js';
import { writesPod } from './pod-object.js';

const seconds = 300;
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Pods stay for five minutes on a node that is not ready or out of reach. */
export function tolerationSeconds(): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    handles: writesPod,
    mutate({ object }) {
      const { spec } = object as Pod;
      const present = (spec.tolerations ??= []);
      for (const key of keys) {
        const tolerates = present.some(
          (toleration) =>
            (toleration.key === key || (toleration.key ?? '') === '') &&
            (toleration.effect === 'NoExecute' || (toleration.effect ?? '') === ''),
        );
        if (tolerates) continue;
        present.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds });
      }
    },
  };
}
