/** Validation of pod specs beyond their schema: what concerns several fields at once. */
import { semanticEqual } from '../equal.js';
import {
  at,
  child,
  duplicate,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import type { Container, PodSpec, PodTemplateSpec, Probe } from '../types/core.js';
import { claimSpecErrors } from './claim-validation.js';
import { areAnnotations, areLabels, uniqueBy } from '../validation/checks.js';
import { isLocalPath } from '../validation/container-fields.js';
import { dnsLabel, dnsSubdomain } from '../validation/names.js';
import {
  checkGates,
  checkResizePolicy,
  checkSleeps,
  checkSpreadFields,
} from './pod-feature-validation.js';
import { checkDns, checkHostAliases } from './pod-network-validation.js';
import { checkPodSecurity } from './pod-security-validation.js';

/** The context that all containers of one list share. */
interface ListContext {
  readonly spec: PodSpec;
  readonly volumes: ReadonlySet<string>;
  readonly names: Set<string>;
  readonly isInit: boolean;
  readonly errors: FieldError[];
}

function checkProbes(container: Container, path: FieldPath, context: ListContext): void {
  const { errors } = context;
  const mayProbe = !context.isInit || container.restartPolicy === 'Always';
  const names = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
  for (const name of names) {
    const probe: Probe | undefined = container[name];
    if (probe === undefined) continue;
    const here = child(path, name);
    if (!mayProbe)
      errors.push(
        forbidden(here, 'may not be set for init containers without restartPolicy=Always'),
      );
    else if (name !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1) {
      errors.push(invalid(child(here, 'successThreshold'), probe.successThreshold, 'must be 1'));
    } else if (name === 'readinessProbe' && probe.terminationGracePeriodSeconds !== undefined) {
      const text = 'must not be set for readinessProbes';
      errors.push(
        invalid(
          child(here, 'terminationGracePeriodSeconds'),
          probe.terminationGracePeriodSeconds,
          text,
        ),
      );
    }
  }
  if (!mayProbe && container.lifecycle !== undefined) {
    errors.push(
      forbidden(
        child(path, 'lifecycle'),
        'may not be set for init containers without restartPolicy=Always',
      ),
    );
  }
}

function checkMounts(container: Container, path: FieldPath, context: ListContext): void {
  const seen = new Set<string>();
  (container.volumeMounts ?? []).forEach((mount, index) => {
    const here = at(child(path, 'volumeMounts'), index);
    if (!context.volumes.has(mount.name)) {
      context.errors.push(notFound(child(here, 'name'), mount.name ?? ''));
    }
    if (seen.has(mount.mountPath)) {
      context.errors.push(invalid(child(here, 'mountPath'), mount.mountPath, 'must be unique'));
    }
    seen.add(mount.mountPath);
  });
  const claims = new Set<string>();
  const paths = new Set<string>();
  (container.volumeDevices ?? []).forEach((device, index) => {
    const here = at(child(path, 'volumeDevices'), index);
    if (claims.has(device.name)) {
      context.errors.push(invalid(child(here, 'name'), device.name, 'must be unique'));
    }
    claims.add(device.name);
    const volume = context.spec.volumes?.find(({ name }) => name === device.name);
    if (volume === undefined) {
      context.errors.push(notFound(child(here, 'name'), device.name ?? ''));
    } else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      const text =
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      context.errors.push(invalid(child(here, 'name'), device.name, text));
    }
    if (paths.has(device.devicePath)) {
      const text = 'must be unique';
      context.errors.push(invalid(child(here, 'devicePath'), device.devicePath, text));
    }
    paths.add(device.devicePath);
    if (seen.has(device.devicePath)) {
      const text = 'must not already exist as a path in volumeMounts';
      context.errors.push(invalid(child(here, 'devicePath'), device.devicePath, text));
    }
  });
}

function checkPorts(container: Container, path: FieldPath, context: ListContext): void {
  const names = new Set<string>();
  (container.ports ?? []).forEach((port, index) => {
    const here = at(child(path, 'ports'), index);
    if (port.name !== undefined && names.has(port.name)) {
      context.errors.push(duplicate(child(here, 'name'), port.name));
    }
    if (port.name !== undefined) names.add(port.name);
    // A template may leave it out: the pod gets it.
    const { hostPort = 0, containerPort } = port;
    const isSame = hostPort === 0 || hostPort === containerPort;
    if (context.spec.hostNetwork === true && !context.isInit && !isSame) {
      const text = 'must match `containerPort` when `hostNetwork` is true';
      context.errors.push(invalid(child(here, 'hostPort'), hostPort, text));
    }
  });
}

function checkSecurity(container: Container, path: FieldPath, errors: FieldError[]): void {
  const security = container.securityContext;
  if (security?.allowPrivilegeEscalation !== false) return;
  const here = child(path, 'securityContext');
  if (security.privileged === true) {
    const text = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    errors.push(invalid(here, security, text));
  }
  if (security.capabilities?.add?.includes('CAP_SYS_ADMIN') === true) {
    const text =
      'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    errors.push(invalid(here, security, text));
  }
}

function checkName({ name }: Container, path: FieldPath, { names, errors }: ListContext): void {
  if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
  names.add(name);
}

function checkImage({ image = '' }: Container, path: FieldPath, errors: FieldError[]): void {
  if (image === '') errors.push(required(child(path, 'image')));
  else if (image !== image.trim()) {
    const text = 'must not have leading or trailing whitespace';
    errors.push(invalid(child(path, 'image'), image, text));
  }
}

/** A variable has a value, or says where it comes from. */
function checkEnv(container: Container, path: FieldPath, errors: FieldError[]): void {
  (container.env ?? []).forEach(({ value = '', valueFrom }, index) => {
    if (value === '' || valueFrom === undefined) return;
    const here = child(at(child(path, 'env'), index), 'valueFrom');
    errors.push(invalid(here, '', 'may not be specified when `value` is not empty'));
  });
}

function checkContainer(container: Container, path: FieldPath, context: ListContext): void {
  const { errors } = context;
  checkName(container, path, context);
  checkImage(container, path, errors);
  checkEnv(container, path, errors);
  if (container.restartPolicy !== undefined) {
    if (!context.isInit) {
      errors.push(
        forbidden(child(path, 'restartPolicy'), 'may not be set for non-init containers'),
      );
    } else if (container.restartPolicy !== 'Always') {
      errors.push(notSupported(child(path, 'restartPolicy'), container.restartPolicy, ['Always']));
    }
  }
  checkPorts(container, path, context);
  checkProbes(container, path, context);
  checkMounts(container, path, context);
  checkSecurity(container, path, errors);
  checkSleeps(container, context.spec, path, errors);
  checkResizePolicy(container, context.spec, path, errors);
}

/** Two containers of a pod cannot have one port of the node. */
function checkHostPorts(
  containers: readonly Container[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  containers.forEach((container, index) => {
    (container.ports ?? []).forEach((port, portIndex) => {
      if ((port.hostPort ?? 0) === 0) return;
      const key = `${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`;
      const here = at(child(at(child(path, 'containers'), index), 'ports'), portIndex);
      if (seen.has(key)) errors.push(duplicate(child(here, 'hostPort'), key));
      seen.add(key);
    });
  });
}

/** Fields that only containers from the pod's beginning have. */
const notEphemeral = [
  'lifecycle',
  'livenessProbe',
  'ports',
  'readinessProbe',
  'resizePolicy',
  'resources',
  'restartPolicy',
  'startupProbe',
] as const;

function isSet(value: unknown): boolean {
  return !semanticEqual(value, undefined);
}

function checkEphemeral(spec: PodSpec, path: FieldPath, context: ListContext): void {
  const { errors } = context;
  const text = 'cannot be set for an Ephemeral Container';
  (spec.ephemeralContainers ?? []).forEach((container, index) => {
    const here = at(child(path, 'ephemeralContainers'), index);
    checkName(container, here, context);
    checkImage(container, here, errors);
    checkMounts(container, here, context);
    checkSecurity(container, here, errors);
    for (const name of notEphemeral) {
      if (isSet(container[name])) errors.push(forbidden(child(here, name), text));
    }
    (container.volumeMounts ?? []).forEach((mount, position) => {
      const place = at(child(here, 'volumeMounts'), position);
      for (const name of ['subPath', 'subPathExpr'] as const) {
        if ((mount[name] ?? '') !== '') errors.push(forbidden(child(place, name), text));
      }
    });
    const { targetContainerName: target = '' } = container;
    const targets = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
    if (target !== '' && !targets.some(({ name }) => name === target)) {
      errors.push(notFound(child(here, 'targetContainerName'), target));
    }
  });
}

/** All containers, each with its path. */
function containersAt(spec: PodSpec, path: FieldPath): (readonly [Container, FieldPath])[] {
  const names = ['initContainers', 'containers', 'ephemeralContainers'] as const;
  return names.flatMap((name) =>
    (spec[name] ?? []).map(
      (container, index) => [container, at(child(path, name), index)] as const,
    ),
  );
}

/** Two constraints may not say the same of one key. */
function checkSpread(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const constraints = spec.topologySpreadConstraints ?? [];
  const later = new Set<string>();
  const found: FieldError[] = [];
  // Kubernetes names the earlier of two that are alike, once for each pair; here it is named once.
  constraints.toReversed().forEach(({ topologyKey, whenUnsatisfiable }, position) => {
    const value = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (later.has(value)) {
      const index = constraints.length - 1 - position;
      const here = at(child(path, 'topologySpreadConstraints'), index);
      found.push(duplicate(child(here, '{topologyKey, whenUnsatisfiable}'), value));
    }
    later.add(value);
  });
  for (const error of found.toReversed()) errors.push(error);
  for (const [index, item] of constraints.entries()) {
    checkSpreadFields(item, at(child(path, 'topologySpreadConstraints'), index), errors);
  }
}

/** Errors stand at the volume, not at the source. */
function checkTokenPath(file: string, path: FieldPath, errors: FieldError[]): void {
  if (file === '') errors.push(required(path));
  else isLocalPath(file, path, errors);
}

/** The sources of a projected volume may not make one file twice. */
function checkProjected(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  (spec.volumes ?? []).forEach(({ projected }, index) => {
    if (projected === undefined) return;
    const here = child(at(child(path, 'volumes'), index), 'projected');
    const seen = new Set<string>();
    for (const source of projected.sources ?? []) {
      const named = source.secret ?? source.configMap;
      const items = named?.items ?? source.downwardAPI?.items ?? [];
      const token = source.serviceAccountToken;
      if (token !== undefined) checkTokenPath(token.path ?? '', child(here, 'path'), errors);
      const bundle = source.clusterTrustBundle?.path;
      for (const file of bundle === undefined ? items.map((item) => item.path) : [bundle]) {
        if ((file ?? '') === '') continue;
        if (seen.has(file)) {
          errors.push(invalid(here, named?.name ?? file, 'conflicting duplicate paths'));
        }
        seen.add(file);
      }
    }
  });
}

type EphemeralSource = NonNullable<NonNullable<PodSpec['volumes']>[number]['ephemeral']>;

function checkClaimTemplate(
  template: EphemeralSource['volumeClaimTemplate'],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (template === undefined) {
    errors.push(required(path));
    return;
  }
  const { annotations, labels, ...others } = template.metadata ?? {};
  areAnnotations(annotations, child(path, 'metadata.annotations'), errors);
  areLabels(labels, child(path, 'metadata.labels'), errors);
  for (const name of Object.keys(others)) {
    errors.push(forbidden(child(path, `metadata.${name}`), 'cannot be set'));
  }
  errors.push(...claimSpecErrors(template.spec ?? {}, child(path, 'spec')));
}

/** Adds what is wrong with a pod's spec, beside what its schema checks. */
export function validatePodSpec(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  uniqueBy('name')(spec.volumes, child(path, 'volumes'), errors);
  (spec.volumes ?? []).forEach((volume, index) => {
    if (volume.ephemeral !== undefined) {
      const here = child(at(child(path, 'volumes'), index), 'ephemeral.volumeClaimTemplate');
      checkClaimTemplate(volume.ephemeral.volumeClaimTemplate, here, errors);
    }
    const hostPath = volume.hostPath?.path;
    if (hostPath?.split('/').includes('..') === true) {
      const here = child(at(child(path, 'volumes'), index), 'hostPath.path');
      errors.push(invalid(here, hostPath, "must not contain '..'"));
    }
  });
  const volumes = new Set((spec.volumes ?? []).map((volume) => volume.name));
  const names = new Set<string>();
  const shared = { spec, volumes, names, errors };
  (spec.containers ?? []).forEach((container, index) => {
    checkContainer(container, at(child(path, 'containers'), index), { ...shared, isInit: false });
  });
  (spec.initContainers ?? []).forEach((container, index) => {
    checkContainer(container, at(child(path, 'initContainers'), index), {
      ...shared,
      isInit: true,
    });
  });
  checkEphemeral(spec, path, { ...shared, isInit: false });
  checkHostPorts(spec.containers ?? [], path, errors);
  checkSpread(spec, path, errors);
  checkGates(spec, path, errors);
  checkProjected(spec, path, errors);
  checkDns(spec, path, errors);
  checkHostAliases(spec, path, errors);
  checkPodSecurity(spec, path, containersAt(spec, path), errors);
  const texts: readonly (readonly [string, string | undefined, (text: string) => string[]])[] = [
    ['nodeName', spec.nodeName, dnsSubdomain],
    ['hostname', spec.hostname, dnsLabel],
    ['subdomain', spec.subdomain, dnsLabel],
  ];
  for (const [name, value, rule] of texts) {
    if (value === undefined || value === '') continue;
    for (const text of rule(value)) errors.push(invalid(child(path, name), value, text));
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const text = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(child(path, 'shareProcessNamespace'), true, text));
  }
}

/** Adds what is wrong with a template: labels, annotations and the pod's spec. */
export function validatePodTemplate(
  template: PodTemplateSpec | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (template === undefined) return;
  // Kubernetes leaves `metadata` out of these two paths.
  areLabels(template.metadata?.labels, child(path, 'labels'), errors);
  areAnnotations(template.metadata?.annotations, child(path, 'annotations'), errors);
  validatePodSpec(template.spec, child(path, 'spec'), errors);
  if ((template.spec.ephemeralContainers?.length ?? 0) > 0) {
    const text = 'ephemeral containers not allowed in pod template';
    errors.push(forbidden(child(path, 'spec.ephemeralContainers'), text));
  }
}
