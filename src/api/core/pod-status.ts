/** The status of a pod. */
import {
  bool,
  doc,
  flag,
  int32,
  int64,
  list,
  listMap,
  num32,
  num64,
  quantities,
  req,
  str,
  strPtr,
  struct,
  time,
  timeOrNull,
  tuned,
} from '../schema/dsl.js';
import { resourceRequirements } from './container.js';

const containerStateFields = {
  running: struct('core/v1.ContainerStateRunning', 'A running container.', {
    startedAt: time('When it was started.'),
  }),
  terminated: struct('core/v1.ContainerStateTerminated', 'A container that ended.', {
    containerID: str('Id of the container, as type://id.'),
    exitCode: req(int32('Exit status.')),
    finishedAt: time('When it ended.'),
    message: str('Message of the container.'),
    reason: str('Reason of the end.'),
    signal: num32('Signal that ended it.'),
    startedAt: time('When it was started.'),
  }),
  waiting: struct('core/v1.ContainerStateWaiting', 'A container that waits to run.', {
    message: str('Why it waits, for people.'),
    reason: str('Why it waits.'),
  }),
};

const containerState = struct(
  'core/v1.ContainerState',
  'State of a container: one of the fields.',
  containerStateFields,
);

const resourceStatus = struct('core/v1.ResourceStatus', 'Health of resources of a container.', {
  name: req(str('Name of the resource.')),
  resources: listMap(
    'Health by resource id.',
    ['resourceID'],
    struct('core/v1.ResourceHealth', 'Health of one resource.', {
      health: str('Healthy, Unhealthy or Unknown.'),
      resourceID: req(str('Id of the resource.')),
    }),
  ),
});

const containerStatus = struct('core/v1.ContainerStatus', 'What is known of a container.', {
  allocatedResources: quantities('Resources set aside by the node.'),
  allocatedResourcesStatus: listMap('Health of the resources.', ['name'], resourceStatus),
  containerID: str('Id of the container, as type://id.'),
  image: req(tuned(str('Image that runs.'), { pointer: true })),
  imageID: req(tuned(str('Id of the image that runs.'), { pointer: true })),
  lastState: tuned(doc('State of the previous run.', containerState), { always: true }),
  name: req(str('Name of the container.')),
  ready: req(bool('Whether the readiness probe passes.')),
  resources: doc('Resources in force.', resourceRequirements),
  restartCount: req(int32('How often it was restarted.')),
  started: bool('Whether the startup probe passed.'),
  state: tuned(doc('Present state.', containerState), { always: true }),
  stopSignal: strPtr('Signal in force for ending it.'),
  user: struct('core/v1.ContainerUser', 'User of the first process.', {
    linux: struct('core/v1.LinuxContainerUser', 'Ids of the first process.', {
      gid: req(int64('Primary group.')),
      supplementalGroups: list('More groups.', int64('')),
      uid: req(int64('User.')),
    }),
  }),
  volumeMounts: listMap(
    'Mounts of the container.',
    ['mountPath'],
    struct('core/v1.VolumeMountStatus', 'A mount.', {
      mountPath: req(str('Path in the container.')),
      name: req(str('Name of the volume.')),
      readOnly: flag('Mounted read-only.'),
      recursiveReadOnly: strPtr('Disabled or Enabled.'),
    }),
  ),
});

const podCondition = struct('core/v1.PodCondition', 'One aspect of the state of a pod.', {
  lastProbeTime: timeOrNull('When it was last looked at.'),
  lastTransitionTime: time('When the status last changed.'),
  message: str('Details for people.'),
  observedGeneration: num64('Generation on which it was set.'),
  reason: str('Reason of the last change.'),
  status: req(str('True, False or Unknown.')),
  type: req(str('Such as PodScheduled, Initialized, ContainersReady, Ready.')),
});

/** The status of a pod. */
export const podStatus = struct('core/v1.PodStatus', 'What is known of the pod.', {
  conditions: listMap('State by aspect.', ['type'], podCondition),
  containerStatuses: list('State of the containers.', containerStatus),
  ephemeralContainerStatuses: list('State of ephemeral containers.', containerStatus),
  hostIP: str('Address of the node.'),
  hostIPs: list(
    'Addresses of the node.',
    struct('core/v1.HostIP', 'An address.', { ip: req(str('The address.')) }),
    { merge: 'ip' },
  ),
  initContainerStatuses: list('State of init containers.', containerStatus),
  message: str('Why the pod is in this phase, for people.'),
  nominatedNodeName: str('Node on which others make room for this pod.'),
  observedGeneration: num64('Generation that the status is about.'),
  phase: str('Pending, Running, Succeeded, Failed or Unknown.'),
  podIP: str('Address of the pod.'),
  podIPs: listMap(
    'Addresses of the pod.',
    ['ip'],
    struct('core/v1.PodIP', 'An address.', { ip: req(str('The address.')) }),
  ),
  qosClass: str('Guaranteed, Burstable or BestEffort.'),
  reason: str('Why the pod is in this phase.'),
  resize: str('Deprecated: state of a resize.'),
  resourceClaimStatuses: listMap(
    'State of the claims on devices.',
    ['name'],
    struct('core/v1.PodResourceClaimStatus', 'State of a claim.', {
      name: req(str('Name of the claim in the pod.')),
      resourceClaimName: strPtr('Name of the ResourceClaim.'),
    }),
    { strategy: 'merge,retainKeys' },
  ),
  startTime: time('When the node took the pod.'),
});
