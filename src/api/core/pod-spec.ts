/** The spec of a pod and the pod template. */
import { child, required } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import {
  bool,
  bounded64,
  doc,
  flag,
  int32,
  int64,
  list,
  listMap,
  quantities,
  req,
  str,
  strPtr,
  struct,
  always,
  written,
} from '../schema/dsl.js';
import { templateMeta } from '../schema/meta.js';
import {
  areLabels,
  isBetween,
  isDnsSubdomain,
  isId,
  isQualifiedName,
  oneOf,
} from '../validation/checks.js';
import { affinity, nodeSelectorLabels, toleration, topologySpreadConstraint } from './affinity.js';
import {
  appArmorProfile,
  container,
  ephemeralContainer,
  resourceRequirements,
  seLinuxOptions,
  seccompProfile,
  windowsOptions,
} from './container.js';
import { localObjectReference } from './references.js';
import { volume } from './volume.js';

/** Kubernetes names the object, not its field, where the name is not known. */
const isSystem: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const name = textOf(value, 'name');
  if (name === '') errors.push(required(child(path, 'name'), 'cannot be empty'));
  else oneOf(['linux', 'windows'])(name, path, errors);
};

const podSecurityContext = struct(
  'core/v1.PodSecurityContext',
  'Security settings for all containers of the pod.',
  {
    appArmorProfile,
    fsGroup: bounded64('Group that owns the volumes.', { checks: [isId] }),
    fsGroupChangePolicy: strPtr('OnRootMismatch or Always.', {
      checks: [oneOf(['Always', 'OnRootMismatch'])],
    }),
    runAsGroup: bounded64('Group id of entry points.', { checks: [isId] }),
    runAsNonRoot: bool('Refuses to start as user 0.'),
    runAsUser: bounded64('User id of entry points.', { checks: [isId] }),
    seLinuxChangePolicy: strPtr('MountOption or Recursive.', {
      // MountOption belongs to a feature that is off in 1.33.
      checks: [oneOf(['Recursive'])],
    }),
    seLinuxOptions,
    seccompProfile,
    supplementalGroups: list('More groups of the processes.', bounded64('', { checks: [isId] })),
    supplementalGroupsPolicy: strPtr('Merge or Strict.', {
      checks: [oneOf(['Merge', 'Strict'])],
    }),
    sysctls: list(
      'Kernel parameters of the pod.',
      struct('core/v1.Sysctl', 'A kernel parameter.', {
        name: req(str('Name of the parameter.')),
        value: req(str('Value of the parameter.', { checksEmpty: true })),
      }),
    ),
    windowsOptions,
  },
);

const podDnsConfig = struct('core/v1.PodDNSConfig', "Additions to the pod's resolver.", {
  nameservers: list('Addresses of name servers.', str('')),
  options: list(
    'Resolver options.',
    struct('core/v1.PodDNSConfigOption', 'A resolver option.', {
      name: str('Name of the option.'),
      value: strPtr('Value of the option.'),
    }),
  ),
  searches: list('Search domains.', str('')),
});

const resourceClaimOfPod = struct('core/v1.PodResourceClaim', 'A claim on devices.', {
  name: req(str('Name, unique in the pod.')),
  resourceClaimName: strPtr('Name of a ResourceClaim.'),
  resourceClaimTemplateName: strPtr('Name of a ResourceClaimTemplate.'),
});

const scheduling = {
  affinity: doc('Where the pod wants to run.', affinity),
  nodeName: str('Node on which the pod runs; set by the scheduler.'),
  nodeSelector: { ...nodeSelectorLabels, mapType: 'atomic' as const, checks: [areLabels] },
  overhead: quantities('Resources of the sandbox, from the RuntimeClass.'),
  preemptionPolicy: strPtr('Never or PreemptLowerPriority.', {
    checks: [oneOf(['PreemptLowerPriority', 'Never'])],
  }),
  priority: int32('Priority as a number; set from the priority class.'),
  priorityClassName: str('Name of the PriorityClass.'),
  schedulerName: str('Scheduler that places the pod.', { default: 'default-scheduler' }),
  schedulingGates: listMap(
    'Gates that keep the pod from being scheduled.',
    ['name'],
    struct('core/v1.PodSchedulingGate', 'A gate.', {
      name: req(str('Name of the gate.', { checksEmpty: true })),
    }),
  ),
  tolerations: list('Taints that the pod bears.', toleration),
  topologySpreadConstraints: listMap(
    'How pods are spread over places.',
    ['topologyKey', 'whenUnsatisfiable'],
    topologySpreadConstraint,
  ),
};

const network = {
  dnsConfig: doc("Additions to the pod's resolver.", podDnsConfig),
  dnsPolicy: str('ClusterFirst, ClusterFirstWithHostNet, Default or None.', {
    default: 'ClusterFirst',
    checks: [oneOf(['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'])],
  }),
  hostAliases: listMap(
    "Entries of the pod's hosts file.",
    ['ip'],
    struct('core/v1.HostAlias', 'An address and its names.', {
      hostnames: list('Host names.', str('')),
      ip: req(str('The address.', { checksEmpty: true })),
    }),
  ),
  hostIPC: flag("Uses the node's IPC namespace."),
  hostNetwork: flag("Uses the node's network."),
  hostPID: flag("Uses the node's PID namespace."),
  hostUsers: bool("Uses the node's user namespace."),
  hostname: str('Host name of the pod; its name unless set.'),
  setHostnameAsFQDN: bool('The full name is the host name.'),
  subdomain: str('Puts the pod at hostname.subdomain.namespace.svc.'),
};

/** The spec of a pod. */
export const podSpec = struct('core/v1.PodSpec', 'What the pod shall be.', {
  ...scheduling,
  ...network,
  activeDeadlineSeconds: int64('Seconds after which the pod is ended.', {
    checks: [isBetween(1, 2 ** 31 - 1)],
  }),
  automountServiceAccountToken: bool('Whether a token is mounted.'),
  containers: req(
    listMap('Containers of the pod; at least one, fixed after creation.', ['name'], container),
  ),
  enableServiceLinks: bool('Puts variables for services into the environment.'),
  ephemeralContainers: listMap(
    'Containers put into the running pod for debugging.',
    ['name'],
    ephemeralContainer,
  ),
  imagePullSecrets: listMap('Secrets for pulling images.', ['name'], localObjectReference),
  initContainers: listMap('Containers that run one by one before the others.', ['name'], container),
  os: struct(
    'core/v1.PodOS',
    'Operating system of the pod.',
    { name: req(str('linux or windows.', { checksEmpty: true })) },
    { checks: [isSystem] },
  ),
  readinessGates: list(
    'Conditions that must be True for the pod to be ready.',
    struct('core/v1.PodReadinessGate', 'A condition of the pod.', {
      conditionType: req(
        str('Type of the condition.', { checks: [isQualifiedName], checksEmpty: true }),
      ),
    }),
  ),
  resourceClaims: listMap('Claims on devices.', ['name'], resourceClaimOfPod, {
    strategy: 'merge,retainKeys',
  }),
  resources: doc('Resources of the pod as a whole.', resourceRequirements),
  restartPolicy: str('Always, OnFailure or Never.', {
    default: 'Always',
    checks: [oneOf(['Always', 'OnFailure', 'Never'])],
  }),
  runtimeClassName: strPtr('Name of the RuntimeClass.', { checks: [isDnsSubdomain] }),
  securityContext: written(doc('Security settings for all containers.', podSecurityContext)),
  serviceAccount: str('Deprecated: use serviceAccountName.'),
  serviceAccountName: str('Name of the ServiceAccount.', { checks: [isDnsSubdomain] }),
  shareProcessNamespace: bool('Containers share one PID namespace.'),
  // Negative ones are stored, and end a pod after one second.
  terminationGracePeriodSeconds: int64('Seconds between asking to end and killing.', {
    default: 30,
  }),
  volumes: listMap('Volumes that containers can mount.', ['name'], volume, {
    strategy: 'merge,retainKeys',
  }),
});

/** The template of pods in workloads. */
export const podTemplateSpec = struct('core/v1.PodTemplateSpec', 'The pods to make.', {
  metadata: doc('Labels and annotations of the pods.', templateMeta),
  spec: always(doc('What the pods shall be.', podSpec)),
});
