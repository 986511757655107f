/** A pod that does not do what it should. Pure. */
import { findCondition } from '../api/facts/conditions.js';
import { claimNames } from '../api/facts/pod-claims.js';
import { isPodReady, isSidecar } from '../api/facts/pods.js';
import type {
  Container,
  ContainerStatus,
  Node,
  PersistentVolumeClaim,
  Pod,
} from '../api/types/core.js';
import { explainClaim } from './claim.js';
import { explainContainer } from './container.js';
import { explainDeletion } from './deletion.js';
import type { Finding, Mend } from './finding.js';
import { enumerate, unwell, well, worst } from './finding.js';
import { explainNode } from './node.js';
import { missingAccount, missingReferences } from './references.js';
import { explainScheduling } from './scheduling.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Why a pod is not ready, has failed or does not go away. */
export function explainPod(pod: Pod, view: ClusterView): Finding {
  return (
    explainDeletion(pod, view) ??
    explainScheduling(pod, view) ??
    explainEnd(pod, view) ??
    explainLostNode(pod, view) ??
    explainContainers(pod, view)
  );
}

/** Pods whose end is no container's: why kubelet or a controller has ended them. */
const endings: Readonly<Record<string, readonly [string, string]>> = {
  Evicted: [
    'was evicted by its node',
    'ask for what the pod needs (requests), so that it goes where there is room',
  ],
  DeadlineExceeded: [
    'took longer than its activeDeadlineSeconds',
    'give it more time, or let it do less',
  ],
  NodeShutdown: ['was ended because its node shut down', ''],
  Terminated: ['was ended because its node shut down', ''],
  UnexpectedAdmissionError: ['was refused by its node', ''],
  Preempting: ['made room for a more important pod', ''],
  Shutdown: ['was ended because its node shut down', ''],
};

function explainEnd(pod: Pod, view: ClusterView): Finding | undefined {
  const { phase = '', reason = '', message = '' } = pod.status ?? {};
  const about = nameOf(pod);
  if (phase === 'Succeeded') return well(about, 'has done its work');
  if (phase !== 'Failed') return undefined;
  const since = findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime;
  const containers =
    pod.status?.containerStatuses === undefined ? [] : unwell(containerFindings(pod, view));
  const details = message === '' ? [] : [message];
  const disrupted = findCondition(pod.status?.conditions, 'DisruptionTarget');
  if (disrupted?.status === 'True') details.push(disrupted.message ?? disrupted.reason ?? '');
  if (reason === '') {
    return { about, level: 'problem', says: 'has failed', since, details, causes: containers };
  }
  const [says, words] = endings[reason] ?? [`was refused by its node (${reason})`, ''];
  const mend: Mend[] = words === '' ? [] : [{ words }];
  return { about, level: 'problem', says, since, details, mend, causes: containers };
}

/** A node that is silent says nothing of its pods either. */
function explainLostNode(pod: Pod, view: ClusterView): Finding | undefined {
  // The node controller takes readiness from the pods of a node that it does not hear from.
  if (isPodReady(pod)) return undefined;
  const name = pod.spec.nodeName ?? '';
  const node = view.get<Node>('nodes', undefined, name);
  const about = nameOf(pod);
  if (node === null) {
    return {
      about,
      level: 'problem',
      says: `is bound to node ${name}, which does not exist`,
      mend: [
        {
          words: 'delete the pod',
          command: `trireme delete pod ${pod.metadata.name}${view.flag(pod.metadata.namespace)} --force`,
        },
      ],
    };
  }
  if (node === undefined) return undefined;
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return undefined;
  return {
    about,
    level: 'problem',
    says: 'is on a node that is not ready',
    since: ready.lastTransitionTime,
    causes: [explainNode(node, view)],
  };
}

function explainContainers(pod: Pod, view: ClusterView): Finding {
  const about = nameOf(pod);
  const findings = containerFindings(pod, view);
  const causes = unwell([...gates(pod), ...findings]);
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (isPodReady(pod)) {
    const total = pod.spec.containers.length;
    if (causes.length === 0)
      return well(
        about,
        `is ready, ${total === 1 ? 'and its container runs' : `and its ${total} containers run`}`,
      );
    return { about, level: 'waiting', says: 'is ready', causes };
  }
  const making = unwell(beingMade(pod, view));
  const since = ready?.lastTransitionTime ?? pod.metadata.creationTimestamp;
  const init = findCondition(pod.status?.conditions, 'Initialized')?.status === 'False';
  const deep =
    making.length > 0 ? [...making, ...causes.filter(({ level }) => level === 'problem')] : causes;
  const says = making.length > 0 ? 'cannot start' : init ? 'is not initialized' : 'is not ready';
  return { about, level: deep.length === 0 ? 'waiting' : worst(deep), says, since, causes: deep };
}

/** Conditions that others have to set. */
function gates(pod: Pod): Finding[] {
  return (pod.spec.readinessGates ?? []).flatMap(({ conditionType }): Finding[] => {
    const condition = findCondition(pod.status?.conditions, conditionType);
    if (condition?.status === 'True') return [];
    const is = condition === undefined ? 'nobody has set it' : `it is ${condition.status}`;
    return [
      {
        about: `readiness gate ${conditionType}`,
        level: 'problem',
        says: `is not met: ${is}`,
        since: condition?.lastTransitionTime,
        mend: [{ words: `start what sets the condition ${conditionType}` }],
      },
    ];
  });
}

function containerFindings(pod: Pod, view: ClusterView): Finding[] {
  const statusOf = (list: readonly ContainerStatus[] | undefined, { name }: Container) =>
    list?.find((status) => status.name === name);
  const { initContainerStatuses, containerStatuses } = pod.status ?? {};
  const init: Finding[] = [];
  let blocked = false;
  for (const container of pod.spec.initContainers ?? []) {
    const noun = isSidecar(container) ? 'sidecar' : 'init container';
    const status = statusOf(initContainerStatuses, container);
    const finding =
      blocked && status?.state?.running === undefined
        ? well(`${noun} ${container.name}`, 'waits for the one before')
        : initFinding(pod, container, status, view, noun);
    if (finding.level !== 'ok') blocked = true;
    init.push(finding);
  }
  if (
    blocked &&
    !pod.status?.containerStatuses?.some(({ state }) => state?.running !== undefined)
  ) {
    return init;
  }
  const main = pod.spec.containers.map((container) =>
    explainContainer(pod, container, statusOf(containerStatuses, container), view),
  );
  return [...init, ...main];
}

function initFinding(
  pod: Pod,
  container: Container,
  status: ContainerStatus | undefined,
  view: ClusterView,
  noun: string,
): Finding {
  const running = status?.state?.running;
  if (noun === 'sidecar' || running === undefined)
    return explainContainer(pod, container, status, view, noun);
  return {
    about: `${noun} ${container.name}`,
    level: 'waiting',
    says: 'still runs; the containers wait for it to end',
    since: running.startedAt,
    mend: [
      {
        words: 'see what it does',
        command: `trireme logs ${pod.metadata.name}${view.flag(pod.metadata.namespace)} -c ${container.name}`,
      },
    ],
  };
}

/** Volumes, network and references that a pod waits for before any of its containers runs. */
function beingMade(pod: Pod, view: ClusterView): Finding[] {
  const waiting = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ];
  const isMade = waiting.some(
    ({ state }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      !['ContainerCreating', 'PodInitializing'].includes(state?.waiting?.reason ?? ''),
  );
  if (isMade && waiting.length > 0) return [];
  const references = [...missingReferences(pod, view), ...missingAccount(pod, view)];
  const claims = claimNames(pod).flatMap((name) => {
    const claim = view
      .list<PersistentVolumeClaim>('persistentvolumeclaims', pod.metadata.namespace)
      .find(({ metadata }) => metadata.name === name);
    return claim === undefined ? [] : [explainClaim(claim, view, { pod })];
  });
  const found = [...references, ...unwell(claims)];
  const mount = view.lastEvent(pod, 'FailedMount', 'FailedAttachVolume');
  const sandbox = view.lastEvent(pod, 'FailedCreatePodSandBox');
  if (mount !== undefined)
    found.push(...mountFinding(pod, mount.message ?? '', mount.firstTimestamp, found.length > 0));
  if (sandbox !== undefined) {
    found.push({
      about: 'sandbox',
      level: 'problem',
      says: 'the network or the sandbox of the pod cannot be made',
      since: sandbox.firstTimestamp,
      details: [sandbox.message ?? ''],
      mend: [
        {
          words: `see what is wrong on node ${pod.spec.nodeName ?? ''}`,
          command: `trireme why node/${pod.spec.nodeName ?? ''}`,
        },
      ],
    });
  }
  return found;
}

/** What the node says of a volume that it cannot mount; only a detail where the cause is known. */
function mountFinding(
  pod: Pod,
  message: string,
  since: string | undefined,
  known: boolean,
): Finding[] {
  if (known) return [];
  const volumes = (pod.spec.volumes ?? []).filter(({ name }) => message.includes(`"${name}"`));
  const about =
    volumes.length === 0 ? 'volumes' : `volume ${enumerate(volumes.map(({ name }) => name))}`;
  const path = volumes.find(({ hostPath }) => hostPath !== undefined)?.hostPath?.path;
  return [
    {
      about,
      level: 'problem',
      says: 'cannot be mounted',
      since,
      details: [message],
      mend:
        path === undefined
          ? []
          : [
              {
                words: `make ${path} on node ${pod.spec.nodeName ?? ''}, or let hostPath.type make it (DirectoryOrCreate)`,
              },
            ],
    },
  ];
}
