/** Validation of pod specs beyond their schema: what concerns several fields at once. */
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
import { areAnnotations, areLabels, uniqueBy } from '../validation/checks.js';
import { dnsLabel, dnsSubdomain, ipErrors } from '../validation/names.js';

/** What holds for all containers of one list. */
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
    if ((mount.name ?? '') !== '' && !context.volumes.has(mount.name)) {
      context.errors.push(notFound(child(here, 'name'), mount.name));
    }
    if (seen.has(mount.mountPath)) {
      context.errors.push(invalid(child(here, 'mountPath'), mount.mountPath, 'must be unique'));
    }
    seen.add(mount.mountPath);
  });
  (container.volumeDevices ?? []).forEach((device, index) => {
    const here = at(child(path, 'volumeDevices'), index);
    if (!context.volumes.has(device.name)) {
      context.errors.push(notFound(child(here, 'name'), device.name));
    }
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
    if (port.containerPort === undefined)
      context.errors.push(required(child(here, 'containerPort')));
    if (context.spec.hostNetwork === true && (port.hostPort ?? 0) !== port.containerPort) {
      const text = 'must match `hostPort` when `hostNetwork` is true';
      context.errors.push(invalid(child(here, 'containerPort'), port.containerPort, text));
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

function checkContainer(container: Container, path: FieldPath, context: ListContext): void {
  const { errors } = context;
  if (context.names.has(container.name))
    errors.push(duplicate(child(path, 'name'), container.name));
  context.names.add(container.name);
  const image = container.image ?? '';
  if (image === '') errors.push(required(child(path, 'image')));
  else if (image !== image.trim()) {
    errors.push(
      invalid(child(path, 'image'), image, 'must not have leading or trailing whitespace'),
    );
  }
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

function checkDns(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const here = child(path, 'dnsConfig');
  const nameservers = spec.dnsConfig?.nameservers ?? [];
  if (spec.dnsPolicy === 'None') {
    if (spec.dnsConfig === undefined) {
      errors.push(required(here, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    } else if (nameservers.length === 0) {
      const text = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      errors.push(required(child(here, 'nameservers'), text));
    }
  }
  if (nameservers.length > 3) {
    errors.push(
      invalid(child(here, 'nameservers'), nameservers, 'must not have more than 3 nameservers'),
    );
  }
  nameservers.forEach((address, index) => {
    for (const text of ipErrors(address)) {
      errors.push(invalid(at(child(here, 'nameservers'), index), address, text));
    }
  });
}

/** Adds what is wrong with a pod's spec, beside what its schema checks. */
export function validatePodSpec(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  uniqueBy('name')(spec.volumes, child(path, 'volumes'), errors);
  (spec.volumes ?? []).forEach((volume, index) => {
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
  checkHostPorts(spec.containers ?? [], path, errors);
  checkDns(spec, path, errors);
  const texts: readonly (readonly [string, string | undefined, (text: string) => string[]])[] = [
    ['nodeName', spec.nodeName, dnsSubdomain],
    ['hostname', spec.hostname, dnsLabel],
    ['subdomain', spec.subdomain, dnsLabel],
    ['schedulerName', spec.schedulerName, dnsSubdomain],
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
  areLabels(template.metadata?.labels, child(path, 'metadata.labels'), errors);
  areAnnotations(template.metadata?.annotations, child(path, 'metadata.annotations'), errors);
  validatePodSpec(template.spec, child(path, 'spec'), errors);
  if ((template.spec.ephemeralContainers?.length ?? 0) > 0) {
    const text = 'ephemeral containers not allowed in pod template';
    errors.push(forbidden(child(path, 'spec.ephemeralContainers'), text));
  }
}
