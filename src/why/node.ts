/** Nodes that take no pods, or that nothing is heard from; and what holds up their drain. Pure. */
import { findCondition } from '../api/facts/conditions.js';
import { isPodActive, isPodReady } from '../api/facts/pods.js';
import { compileSelector } from '../api/facts/selectors.js';
import { controllerOf } from '../api/object.js';
import type { Node, Pod } from '../api/types/core.js';
import type { PodDisruptionBudget } from '../api/types/policy.js';
import { explainDeletion } from './deletion.js';
import type { Finding, Mend } from './finding.js';
import { count, enumerate, well } from './finding.js';
import { taintMeanings } from './node-refusal.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

const pressures: Readonly<Record<string, string>> = {
  MemoryPressure: 'is short of memory: it evicts pods, and takes none without requests',
  DiskPressure: 'is short of disk: it removes images and evicts pods',
  PIDPressure: 'is short of process ids',
  NetworkUnavailable: 'has no network for pods yet',
};

/** Why a node is not ready, or takes no pods. */
export function explainNode(node: Node, view: ClusterView): Finding {
  const about = nameOf(node);
  const { name } = node.metadata;
  const dying = explainDeletion(node, view);
  if (dying !== undefined) return dying;
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (ready?.status !== 'True') return notReady(about, ready);
  const causes: Finding[] = (node.status?.conditions ?? []).flatMap(
    ({ type, status, message = '', lastTransitionTime }) => {
      const says = pressures[type];
      if (says === undefined || status !== 'True') return [];
      return [
        {
          about: type,
          level: 'problem' as const,
          says,
          since: lastTransitionTime,
          details: message === '' ? [] : [message],
        },
      ];
    },
  );
  if (node.spec.unschedulable === true) causes.push(cordoned(node, view));
  for (const { key, value = '', effect } of node.spec.taints ?? []) {
    if (taintMeanings[key] !== undefined || effect === 'PreferNoSchedule') continue;
    causes.push({
      about: `taint ${key}${value === '' ? '' : `=${value}`}:${effect}`,
      level: 'waiting',
      says: 'keeps pods away that do not tolerate it',
      mend: [{ words: 'take it away', command: `trireme taint node ${name} ${key}:${effect}-` }],
    });
  }
  if (causes.length === 0) return well(about, 'is ready and takes pods');
  const says = node.spec.unschedulable === true ? 'is ready and takes no new pods' : 'is ready';
  const level = causes.some((cause) => cause.level === 'problem') ? 'problem' : 'waiting';
  return { about, level, says, causes };
}

function notReady(about: string, ready: ReturnType<typeof findCondition>): Finding {
  const name = about.slice('node/'.length);
  if (ready === undefined) {
    return { about, level: 'problem', says: 'has never reported', mend: [agentOf(name)] };
  }
  const { status, message = '', lastTransitionTime: since } = ready;
  if (status === 'Unknown') {
    return {
      about,
      level: 'problem',
      says: 'is not heard from: its agent, the machine or the network between is down',
      since,
      details: message === '' ? [] : [message],
      mend: [agentOf(name)],
    };
  }
  return {
    about,
    level: 'problem',
    says: 'says that it is not ready',
    since,
    details: message === '' ? [] : [message],
    mend: [agentOf(name)],
  };
}

function agentOf(name: string): Mend {
  return {
    words: `on ${name}, see whether the agent runs and what it says`,
    command: 'systemctl status trireme-worker; journalctl -u trireme-worker -n 50',
  };
}

/** A cordoned node; what its drain would meet. */
function cordoned(node: Node, view: ClusterView): Finding {
  const { name } = node.metadata;
  const pods = view
    .list<Pod>('pods')
    .filter(
      (pod) =>
        pod.spec.nodeName === name && isPodActive(pod) && controllerOf(pod)?.kind !== 'DaemonSet',
    );
  const causes = budgetsThatHold(pods, view);
  return {
    about: 'cordon',
    level: 'waiting',
    says: 'somebody has cordoned it',
    details:
      pods.length === 0 ? [] : [`${count(pods.length, 'pod')} still on it that a drain would move`],
    mend: [{ words: 'let pods come to it again', command: `trireme uncordon ${name}` }],
    causes,
  };
}

/** The budgets that let none of these pods be evicted. */
function budgetsThatHold(pods: readonly Pod[], view: ClusterView): Finding[] {
  if (pods.length === 0) return [];
  return view.list<PodDisruptionBudget>('poddisruptionbudgets').flatMap((budget) => {
    const matches = compileSelector(budget.spec.selector);
    const held = pods.filter(
      ({ metadata }) =>
        metadata.namespace === budget.metadata.namespace && matches(metadata.labels),
    );
    if (held.length === 0 || (budget.status?.disruptionsAllowed ?? 0) > 0) return [];
    const finding = explainBudget(budget, view);
    return [
      {
        ...finding,
        details: [
          `it holds ${enumerate(held.slice(0, 5).map(nameOf))} on this node`,
          ...(finding.details ?? []),
        ],
      },
    ];
  });
}

/** Why a PodDisruptionBudget lets nothing be evicted. */
export function explainBudget(budget: PodDisruptionBudget, view: ClusterView): Finding {
  const about = nameOf(budget);
  const { status, spec } = budget;
  const matches = compileSelector(budget.spec.selector);
  const pods = view
    .list<Pod>('pods', budget.metadata.namespace)
    .filter(({ metadata }) => matches(metadata.labels));
  const flag = view.flag(budget.metadata.namespace);
  if (pods.length === 0)
    return { about, level: 'waiting', says: 'selects no pods: it protects nothing' };
  if ((status?.disruptionsAllowed ?? 0) > 0) {
    return well(about, `lets ${count(status?.disruptionsAllowed ?? 0, 'pod')} be evicted`);
  }
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status ?? {};
  const rule =
    spec.maxUnavailable === undefined
      ? `minAvailable ${spec.minAvailable ?? 1}`
      : `maxUnavailable ${spec.maxUnavailable}`;
  const never = desiredHealthy >= expectedPods;
  return {
    about,
    level: 'problem',
    says: `lets no pod be evicted: ${currentHealthy} of ${expectedPods} are healthy, ${desiredHealthy} must be (${rule})`,
    details: never
      ? ['as it is, it never lets a pod be evicted, even if all are healthy']
      : pods
          .filter((pod) => !isPodReady(pod))
          .slice(0, 5)
          .map((pod) => `${nameOf(pod)} is not ready`),
    mend: never
      ? [
          {
            words: 'let one be unavailable, or run more pods',
            command: `trireme edit poddisruptionbudget ${budget.metadata.name}${flag}`,
          },
        ]
      : [{ words: 'let the other pods become healthy' }],
  };
}
