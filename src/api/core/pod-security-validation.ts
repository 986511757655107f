/** The validation of a pod's privileges, where several fields must fit each other. */
import { at, child, duplicate, forbidden, invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import type { Container, PodSpec } from '../types/core.js';
import { sysctlErrors, sysctlNamespace } from '../validation/sysctls.js';

function checkSysctls(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const seen = new Set<string>();
  // A name that is missing is the schema's to refuse.
  const sysctls: readonly { readonly name?: string }[] = spec.securityContext?.sysctls ?? [];
  sysctls.forEach(({ name = '' }, index) => {
    const here = child(at(child(path, 'securityContext.sysctls'), index), 'name');
    if (name === '') return;
    const problems = sysctlErrors(name);
    for (const text of problems) errors.push(invalid(here, name, text));
    if (problems.length === 0 && seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
    const namespace = sysctlNamespace(name);
    if (spec.hostNetwork === true && namespace === 'net') {
      errors.push(invalid(here, name, "may not be specified when 'hostNetwork' is true"));
    }
    if (spec.hostIPC === true && namespace === 'ipc') {
      errors.push(invalid(here, name, "may not be specified when 'hostIPC' is true"));
    }
  });
}

/** A user namespace of its own does not go with namespaces of the node. */
function checkHostUsers(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  if (spec.hostUsers !== false) return;
  for (const [name, field] of [
    ['hostNetwork', 'hostNetwork'],
    ['hostPID', 'HostPID'],
    ['hostIPC', 'HostIPC'],
  ] as const) {
    if (spec[name] === true)
      errors.push(forbidden(child(path, field), 'when `hostUsers` is false'));
  }
}

const linuxOfPod = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
] as const;
const linuxOfSpec = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;
const linuxOfContainer = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

type Named = readonly (readonly [Container, FieldPath])[];

/** Levels of Pod Security ask less of Windows pods, since these cannot set what only Linux knows. */
function checkOs(spec: PodSpec, path: FieldPath, containers: Named, errors: FieldError[]): void {
  const refuse = (field: FieldPath, text: string): void => {
    errors.push(forbidden(field, text));
  };
  const here = child(path, 'securityContext');
  if (spec.os?.name === 'linux') {
    const text = 'windows options cannot be set for a linux pod';
    if (spec.securityContext?.windowsOptions !== undefined)
      refuse(child(here, 'windowsOptions'), text);
    for (const [{ securityContext }, at] of containers) {
      if (securityContext?.windowsOptions !== undefined)
        refuse(child(at, 'securityContext.windowsOptions'), text);
    }
  }
  if (spec.os?.name !== 'windows') return;
  const text = 'cannot be set for a windows pod';
  for (const name of linuxOfPod) {
    if (spec.securityContext?.[name] !== undefined) refuse(child(here, name), text);
  }
  for (const name of linuxOfSpec) {
    const isSet = name === 'hostUsers' || name === 'shareProcessNamespace';
    if (isSet ? spec[name] !== undefined : spec[name] === true) refuse(child(path, name), text);
  }
  for (const [{ securityContext }, at] of containers) {
    for (const name of linuxOfContainer) {
      if (securityContext?.[name] !== undefined)
        refuse(child(child(at, 'securityContext'), name), text);
    }
  }
}

function checkContainer(
  spec: PodSpec,
  container: Container,
  path: FieldPath,
  errors: FieldError[],
): void {
  const security = container.securityContext;
  if (security?.procMount === 'Unmasked' && spec.hostUsers !== false) {
    const text = '`hostUsers` must be false to use `Unmasked`';
    errors.push(invalid(child(path, 'securityContext.procMount'), 'Unmasked', text));
  }
  for (const mount of container.volumeMounts ?? []) {
    if (mount.mountPropagation !== 'Bidirectional' || security?.privileged === true) continue;
    const text = 'Bidirectional mount propagation is available only to privileged containers';
    errors.push(forbidden(child(path, 'volumeMounts.mountPropagation'), text));
  }
}

/** Adds what is wrong with the security settings of a pod and its containers, each with its path. */
export function checkPodSecurity(
  spec: PodSpec,
  path: FieldPath,
  containers: Named,
  errors: FieldError[],
): void {
  checkSysctls(spec, path, errors);
  checkHostUsers(spec, path, errors);
  checkOs(spec, path, containers, errors);
  for (const [container, here] of containers) checkContainer(spec, container, here, errors);
}
