/** Autoscalers that do not scale. Pure. */
import { findCondition } from '../api/facts/conditions.js';
import type { HorizontalPodAutoscaler } from '../api/types/policy.js';
import type { KubeObject } from '../api/object.js';
import type { Finding } from './finding.js';
import { well, worst } from './finding.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

const lists: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  ReplicaSet: 'replicasets',
};

/** Why an autoscaler keeps the number of pods as it is. */
export function explainAutoscaler(autoscaler: HorizontalPodAutoscaler, view: ClusterView): Finding {
  const about = nameOf(autoscaler);
  const { spec, status } = autoscaler;
  const flag = view.flag(autoscaler.metadata.namespace);
  const { kind, name } = spec.scaleTargetRef;
  const type = lists[kind];
  const causes: Finding[] = [];
  const target =
    type === undefined
      ? undefined
      : view.get<KubeObject>(type, autoscaler.metadata.namespace, name);
  const targetName = `${kind.toLowerCase()}/${name}`;
  if (target === null) {
    causes.push({
      about: targetName,
      level: 'problem',
      says: 'does not exist, and it is what is to be scaled',
      mend: [
        {
          words: 'correct scaleTargetRef',
          command: `trireme edit hpa ${autoscaler.metadata.name}${flag}`,
        },
      ],
    });
  }
  const able = findCondition(status?.conditions, 'AbleToScale');
  const active = findCondition(status?.conditions, 'ScalingActive');
  const limited = findCondition(status?.conditions, 'ScalingLimited');
  if (target !== null && able?.status === 'False') {
    causes.push({
      about: 'AbleToScale',
      level: 'problem',
      says: `is False (${able.reason ?? ''})`,
      since: able.lastTransitionTime,
      details: [able.message ?? ''],
    });
  }
  if (active?.status === 'False') causes.push(inactive(active, targetName, view, autoscaler));
  if (limited?.status === 'True') {
    const at =
      limited.reason === 'TooManyReplicas'
        ? `maxReplicas (${spec.maxReplicas})`
        : `minReplicas (${spec.minReplicas ?? 1})`;
    const known = ['TooManyReplicas', 'TooFewReplicas'].includes(limited.reason ?? '');
    causes.push({
      about: 'limit',
      level: 'waiting',
      says: known
        ? `it would go beyond ${at}, and may not`
        : `it is held back (${limited.reason ?? ''})`,
      since: limited.lastTransitionTime,
      details: known ? [] : [limited.message ?? ''],
      mend:
        limited.reason === 'TooManyReplicas'
          ? [
              {
                words: 'allow more pods',
                command: `trireme patch hpa ${autoscaler.metadata.name}${flag} --type=merge -p '{"spec":{"maxReplicas":${spec.maxReplicas * 2}}}'`,
              },
            ]
          : [],
    });
  }
  const { currentReplicas = 0, desiredReplicas = 0 } = status ?? {};
  const says = `${currentReplicas} pods, ${desiredReplicas} wanted, between ${spec.minReplicas ?? 1} and ${spec.maxReplicas}`;
  return causes.length === 0 ? well(about, says) : { about, level: worst(causes), says, causes };
}

function inactive(
  {
    reason = '',
    message = '',
    lastTransitionTime: since,
  }: NonNullable<ReturnType<typeof findCondition>>,
  target: string,
  view: ClusterView,
  { metadata }: HorizontalPodAutoscaler,
): Finding {
  const base = { about: 'metrics', level: 'problem' as const, since, details: [message] };
  const flag = view.flag(metadata.namespace);
  if (reason === 'ScalingDisabled') {
    return {
      ...base,
      level: 'waiting',
      says: `${target} is scaled to 0, which turns the autoscaler off`,
      mend: [{ words: 'scale it up', command: `trireme scale ${target}${flag} --replicas=1` }],
    };
  }
  if (/missing request for/.test(message)) {
    return {
      ...base,
      says: 'cannot be compared: the pods do not say what they request',
      mend: [
        {
          words: 'state a request',
          command: `trireme set resources ${target.replace('/', ' ')}${flag} --requests=cpu=100m`,
        },
      ],
    };
  }
  if (reason.startsWith('FailedGet')) {
    return {
      ...base,
      says: `cannot be had (${reason})`,
      mend: [{ words: 'see whether the cluster has metrics', command: `trireme top pods${flag}` }],
    };
  }
  return { ...base, says: `cannot be used (${reason})` };
}
