/** Containers: environment, ports, mounts, resources, security context. */
import {
  bool,
  bounded64,
  doc,
  flag,
  list,
  listMap,
  num32,
  quantities,
  quantity,
  req,
  str,
  strPtr,
  struct,
  written,
} from '../schema/dsl.js';
import { required } from '../field-error.js';
import type { Check } from '../schema/node.js';
import { areResources } from '../validation/resources.js';
import {
  isDnsLabel,
  isId,
  isIp,
  isPort,
  isPortName,
  oneOf,
  stringCheck,
} from '../validation/checks.js';
import { envNameErrors } from '../validation/names.js';
import {
  isEnvFromSource,
  isEnvVarSource,
  isHostPort,
  isProfile,
  isTypeOf,
  isVolumeMount,
  noBacksteps,
} from '../validation/container-fields.js';
import { lifecycle, probe, resizePolicy, resourceClaim } from './probe.js';
import {
  configMapKeySelector,
  objectFieldSelector,
  optionalField,
  secretKeySelector,
} from './references.js';

/** A resource of a container, for environment and downward volumes. */
export const resourceFieldSelector = struct(
  'core/v1.ResourceFieldSelector',
  'A resource of a container.',
  {
    containerName: str('The container; needed in volumes, optional in env.'),
    divisor: quantity('Unit of the value.', { default: '0' }),
    resource: req(str('For example limits.cpu or requests.memory.', { checksEmpty: true })),
  },
  { atomic: true },
);

const envVarSource = struct(
  'core/v1.EnvVarSource',
  'Where the value of a variable comes from.',
  {
    configMapKeyRef: configMapKeySelector,
    fieldRef: objectFieldSelector,
    resourceFieldRef: resourceFieldSelector,
    secretKeyRef: secretKeySelector,
  },
  { checks: [isEnvVarSource] },
);

const envVar = struct('core/v1.EnvVar', 'A variable in the environment of a container.', {
  name: req(str('Name of the variable.', { checks: [stringCheck(envNameErrors)] })),
  value: str('The value; $(NAME) refers to variables defined before, $$ is a dollar sign.'),
  valueFrom: envVarSource,
});

const envFromSource = struct(
  'core/v1.EnvFromSource',
  'All keys of an object as variables.',
  {
    configMapRef: struct('core/v1.ConfigMapEnvSource', 'A ConfigMap whose keys become variables.', {
      name: str('Name of the ConfigMap.'),
      optional: optionalField,
    }),
    prefix: str('Text put before each key.', { checks: [stringCheck(envNameErrors)] }),
    secretRef: struct('core/v1.SecretEnvSource', 'A Secret whose keys become variables.', {
      name: str('Name of the Secret.'),
      optional: optionalField,
    }),
  },
  { checks: [isEnvFromSource] },
);

const isContainerPort: Check = (value, path, errors) => {
  if (value === 0) errors.push(required(path));
  else isPort(value, path, errors);
};

const isMessagePolicy = oneOf(['File', 'FallbackToLogsOnError']);

const containerPort = struct('core/v1.ContainerPort', 'A port that a container listens on.', {
  containerPort: req(
    num32("Port on the pod's address, 1 to 65535.", { checks: [isContainerPort] }),
  ),
  hostIP: str('Address of the node to bind the host port to.', { checks: [isIp] }),
  hostPort: num32('Port on the node, 1 to 65535.', { checks: [isHostPort] }),
  name: str('Name by which services refer to the port.', { checks: [isPortName] }),
  protocol: str('TCP, UDP or SCTP.', {
    default: 'TCP',
    checks: [oneOf(['SCTP', 'TCP', 'UDP'])],
  }),
});

/** Requests and limits. */
export const resourceRequirements = struct(
  'core/v1.ResourceRequirements',
  'What a container needs, and what it may use at most.',
  {
    claims: listMap('Entries of spec.resourceClaims used here.', ['name'], resourceClaim),
    limits: quantities('Greatest amounts.'),
    requests: quantities('Least amounts; limits when not set.'),
  },
  { checks: [areResources] },
);

const volumeMount = struct(
  'core/v1.VolumeMount',
  "A volume in the container's file system.",
  {
    mountPath: req(str('Path in the container.')),
    mountPropagation: strPtr('How mounts are passed between host and container.'),
    name: req(str('Name of the volume.')),
    readOnly: flag('Mounts read-only.'),
    recursiveReadOnly: strPtr('Disabled, IfPossible or Enabled.'),
    subPath: str("Path in the volume; the volume's root unless set."),
    subPathExpr: str('Like subPath, with $(NAME) expanded from the environment.'),
  },
  { checks: [isVolumeMount] },
);

const volumeDevice = struct('core/v1.VolumeDevice', 'A raw block device in the container.', {
  devicePath: req(
    str('Path of the device in the container.', {
      checks: [noBacksteps("can not contain backsteps ('..')")],
    }),
  ),
  name: req(str('Name of a volume of a PersistentVolumeClaim.')),
});

/** SELinux labels. */
export const seLinuxOptions = struct('core/v1.SELinuxOptions', 'SELinux labels.', {
  level: str('Level label.'),
  role: str('Role label.'),
  type: str('Type label.'),
  user: str('User label.'),
});

/** A seccomp profile. */
export const seccompProfile = struct(
  'core/v1.SeccompProfile',
  'A seccomp profile.',
  {
    localhostProfile: strPtr("Path of a file below the node's profile folder; for type Localhost."),
    type: req(
      str('Localhost, RuntimeDefault or Unconfined.', {
        checks: [isTypeOf('seccompProfile')],
        checksEmpty: true,
      }),
    ),
  },
  { checks: [isProfile('seccomp')] },
);

/** An AppArmor profile. */
export const appArmorProfile = struct(
  'core/v1.AppArmorProfile',
  'An AppArmor profile.',
  {
    localhostProfile: strPtr('Name of a profile loaded on the node; for type Localhost.'),
    type: req(
      str('Localhost, RuntimeDefault or Unconfined.', {
        checks: [isTypeOf('appArmorProfile')],
        checksEmpty: true,
      }),
    ),
  },
  { checks: [isProfile('AppArmor')] },
);

/** Options on Windows nodes. */
export const windowsOptions = struct(
  'core/v1.WindowsSecurityContextOptions',
  'Options that only Windows knows.',
  {
    gmsaCredentialSpec: strPtr('Inlined GMSA credential spec.'),
    gmsaCredentialSpecName: strPtr('Name of the GMSA credential spec.'),
    hostProcess: bool('Runs as a host process container.'),
    runAsUserName: strPtr('User that runs the entry point.'),
  },
);

const securityContext = struct('core/v1.SecurityContext', "A container's security settings.", {
  allowPrivilegeEscalation: bool('A process may gain more privileges than its parent.'),
  appArmorProfile,
  capabilities: struct('core/v1.Capabilities', 'POSIX capabilities to add and drop.', {
    add: list('Added capabilities.', str('')),
    drop: list('Removed capabilities.', str('')),
  }),
  privileged: bool('As root on the host.'),
  procMount: strPtr('Default or Unmasked.', { checks: [oneOf(['Default', 'Unmasked'])] }),
  readOnlyRootFilesystem: bool('The root file system is read-only.'),
  runAsGroup: bounded64('Group id of the entry point.', { checks: [isId] }),
  runAsNonRoot: bool('Refuses to start as user 0.'),
  runAsUser: bounded64('User id of the entry point.', { checks: [isId] }),
  seLinuxOptions,
  seccompProfile,
  windowsOptions,
});

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

const commonFields = {
  args: list("Arguments; the image's CMD unless set.", str('')),
  command: list("Entry point; the image's ENTRYPOINT unless set.", str('')),
  env: listMap('Variables of the environment.', ['name'], envVar),
  envFrom: list('Objects whose keys become variables.', envFromSource),
  image: str('Name of the image.'),
  imagePullPolicy: str('Always, IfNotPresent or Never.', { checks: [oneOf(pullPolicies)] }),
  lifecycle: doc('What to do after the start and before the end.', lifecycle),
  livenessProbe: doc('Restarts the container when it fails.', probe),
  ports: listMap('Ports to expose.', ['containerPort', 'protocol'], containerPort, {
    merge: 'containerPort',
  }),
  readinessProbe: doc('Takes the pod out of services when it fails.', probe),
  resizePolicy: list('What a resize does to the container.', resizePolicy),
  resources: written(doc('Compute resources of the container.', resourceRequirements)),
  restartPolicy: strPtr('Always makes an init container a sidecar.'),
  securityContext: doc('Security settings; they override those of the pod.', securityContext),
  startupProbe: doc('Other probes wait until it succeeds.', probe),
  stdin: flag('Keeps a buffer for standard input.'),
  stdinOnce: flag('Closes standard input after the first attach.'),
  terminationMessagePath: str('File from which the termination message is read.', {
    default: '/dev/termination-log',
  }),
  terminationMessagePolicy: str('File or FallbackToLogsOnError.', {
    default: 'File',
    checks: [isMessagePolicy],
  }),
  tty: flag('Gives the container a terminal; needs stdin.'),
  volumeDevices: listMap('Raw block devices.', ['devicePath'], volumeDevice),
  volumeMounts: listMap('Volumes in the file system.', ['mountPath'], volumeMount),
  workingDir: str("Working directory; the image's unless set."),
};

/** A container of a pod. */
export const container = struct('core/v1.Container', 'A container of a pod.', {
  ...commonFields,
  name: req(str('Name, unique in the pod.', { checks: [isDnsLabel] })),
});

/** A container that is put into a running pod. */
export const ephemeralContainer = struct(
  'core/v1.EphemeralContainer',
  'A temporary container for debugging in a running pod.',
  {
    ...commonFields,
    name: req(str('Name, unique in the pod.', { checks: [isDnsLabel] })),
    targetContainerName: str('Container whose namespaces are shared.'),
  },
);
