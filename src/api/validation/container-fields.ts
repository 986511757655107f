/** Checks of single fields of containers that need more than a pattern. */
import { child, forbidden, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import { notSupported } from '../field-error.js';
import { isPort } from './checks.js';
import { configKeyErrors, dnsSubdomain } from './names.js';

/** A host port, when it is set. */
export const isHostPort: Check = (value, path, errors) => {
  if (value !== 0) isPort(value, path, errors);
};

const greatestMode = 0o777;

const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const envResources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

function subscripted(path: string): boolean {
  return /^metadata\.(annotations|labels)\['.+'\]$/.test(path);
}

function checkFieldPath(
  source: unknown,
  path: FieldPath,
  errors: FieldError[],
  supported: readonly string[],
): void {
  if (!isJsonObject(source)) return;
  const fieldPath = textOf(source, 'fieldPath');
  const version = textOf(source, 'apiVersion');
  if (fieldPath !== '' && version !== '' && version !== 'v1') {
    const text = `error converting fieldPath: unsupported pod version: ${version}`;
    errors.push(invalid(child(path, 'fieldPath'), fieldPath, text));
    return;
  }
  if (fieldPath === '') errors.push(required(child(path, 'fieldPath')));
  if (fieldPath === '' || subscripted(fieldPath) || supported.includes(fieldPath)) return;
  const at = child(path, 'fieldPath');
  if (/^(metadata|spec|status)\./.test(fieldPath)) {
    errors.push(notSupported(at, fieldPath, supported));
  } else {
    errors.push(
      invalid(at, fieldPath, 'error converting fieldPath: field label not supported: ' + fieldPath),
    );
  }
}

function checkResourceField(source: unknown, path: FieldPath, errors: FieldError[]): void {
  if (!isJsonObject(source)) return;
  const resource = textOf(source, 'resource');
  if (resource === '') {
    errors.push(required(child(path, 'resource')));
    return;
  }
  if (envResources.includes(resource) || /^(limits|requests)\.hugepages-/.test(resource)) {
    checkDivisor(resource, textOf(source, 'divisor'), child(path, 'divisor'), errors);
    return;
  }
  errors.push(notSupported(child(path, 'resource'), resource, envResources));
}

const cpuDivisors = ['1m', '1'];
const byteDivisors = [
  '1',
  '1k',
  '1M',
  '1G',
  '1T',
  '1P',
  '1E',
  '1Ki',
  '1Mi',
  '1Gi',
  '1Ti',
  '1Pi',
  '1Ei',
];

/** The unit in which an amount is written: a power, or none. */
function checkDivisor(
  resource: string,
  divisor: string,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (divisor === '' || divisor === '0') return;
  const name = resource.slice(resource.indexOf('.') + 1);
  const isCpu = name === 'cpu';
  const allowed = isCpu ? cpuDivisors : byteDivisors;
  if (allowed.includes(divisor)) return;
  const list = isCpu ? '1m and 1' : byteDivisors.join(', ');
  const kind = name.startsWith('hugepages-')
    ? 'hugepages'
    : name === 'ephemeral-storage'
      ? 'local ephemeral storage'
      : name;
  const text = `only divisor's values ${list} are supported with the ${kind} resource`;
  errors.push(invalid(path, resource, text));
}

/** The source of a variable: exactly one of its fields. */
export const isEnvVarSource: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const names = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'];
  const present = names.filter((name) => value[name] !== undefined);
  if (present.length === 0) {
    const text =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`';
    errors.push(invalid(path, '', text));
  } else if (present.length > 1) {
    errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  checkFieldPath(value['fieldRef'], child(path, 'fieldRef'), errors, envFieldPaths);
  checkResourceField(value['resourceFieldRef'], child(path, 'resourceFieldRef'), errors);
  for (const name of ['configMapKeyRef', 'secretKeyRef']) {
    const ref = value[name];
    if (!isJsonObject(ref)) continue;
    const target = textOf(ref, 'name');
    for (const text of dnsSubdomain(target)) {
      errors.push(invalid(child(child(path, name), 'name'), target, text));
    }
    const key = textOf(ref, 'key');
    if (key === '') continue;
    for (const text of configKeyErrors(key)) {
      errors.push(invalid(child(child(path, name), 'key'), key, text));
    }
  }
};

/** The files of a downward volume. Errors name the volume, not the file: Kubernetes leaves `items[n]` out. */
export const areDownwardFiles: Check = (value, path, errors) => {
  if (!Array.isArray(value)) return;
  const volume = path.slice(0, path.lastIndexOf('.'));
  for (const item of value) checkDownwardFile(item, volume, errors);
};

function checkDownwardFile(value: unknown, path: FieldPath, errors: FieldError[]): void {
  if (!isJsonObject(value)) return;
  const [file, mode] = [textOf(value, 'path'), value['mode']];
  if (file === '') errors.push(required(child(path, 'path')));
  else isLocalPath(file, child(path, 'path'), errors);
  if (typeof mode === 'number' && (mode < 0 || mode > greatestMode)) {
    const text = 'must be a number between 0 and 0777 (octal), both inclusive';
    errors.push(invalid(child(path, 'mode'), mode, text));
  }

  checkFieldPath(value['fieldRef'], child(path, 'fieldRef'), errors, volumeFieldPaths);
  const resource = value['resourceFieldRef'];
  const place = child(path, 'resourceFieldRef');
  if (isJsonObject(resource) && textOf(resource, 'containerName') === '') {
    errors.push(required(child(place, 'containerName')));
    checkDivisor(
      textOf(resource, 'resource'),
      textOf(resource, 'divisor'),
      child(place, 'divisor'),
      errors,
    );
  } else checkResourceField(resource, place, errors);
  if (value['fieldRef'] === undefined && resource === undefined) {
    errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  } else if (value['fieldRef'] !== undefined && resource !== undefined) {
    errors.push(
      invalid(
        path,
        'resource',
        'fieldRef and resourceFieldRef can not be specified simultaneously',
      ),
    );
  }
}

/** A relative path without `..`. */
export const isDescendingPath: Check = (value, path, errors) => {
  if (typeof value !== 'string') return;
  if (value.startsWith('/')) errors.push(invalid(path, value, 'must be a relative path'));
  if (hasBackstep(value)) errors.push(invalid(path, value, "must not contain '..'"));
};

/** The same for a file of a volume: names that begin with `..` are the agent's own. */
export const isLocalPath: Check = (value, path, errors) => {
  isDescendingPath(value, path, errors);
  if (typeof value === 'string' && !hasBackstep(value) && value.startsWith('..')) {
    errors.push(invalid(path, value, "must not start with '..'"));
  }
};

function hasBackstep(value: string): boolean {
  return value.split('/').includes('..');
}

/** A path without `..`, absolute or not. */
export function noBacksteps(text: string): Check {
  return (value, path, errors) => {
    if (typeof value === 'string' && hasBackstep(value)) errors.push(invalid(path, value, text));
  };
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

/** The type of a profile, which must be there. */
export function isTypeOf(field: 'seccompProfile' | 'appArmorProfile'): Check {
  return (value, path, errors) => {
    if (value === '') errors.push(required(path, `type is required when ${field} is set`));
    else if (!profileTypes.includes(String(value))) {
      errors.push(notSupported(path, value, profileTypes));
    }
  };
}

/** A profile of seccomp or AppArmor: a name goes with type Localhost, and only with it. */
export function isProfile(feature: 'seccomp' | 'AppArmor'): Check {
  return (value, path, errors) => {
    if (!isJsonObject(value)) return;
    const here = child(path, 'localhostProfile');
    const name = value['localhostProfile'];
    const type = value['type'];
    if (type !== 'Localhost') {
      if (name === undefined) return;
      const isOther = type !== 'RuntimeDefault' && type !== 'Unconfined';
      if (feature === 'AppArmor' && isOther) return;
      const shown = feature === 'AppArmor' ? name : value;
      errors.push(invalid(here, shown, `can only be set when ${feature} type is Localhost`));
    } else if (name === undefined || (name === '' && feature === 'AppArmor')) {
      errors.push(required(here, `must be set when ${feature} type is Localhost`));
    } else if (feature === 'seccomp') isDescendingPath(name, here, errors);
    else if (typeof name === 'string' && name !== name.trim()) {
      errors.push(invalid(here, name, 'must not be padded with whitespace'));
    }
  };
}

/** All keys of an object as variables: of a ConfigMap or of a Secret. */
export const isEnvFromSource: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const present = ['configMapRef', 'secretRef'].filter((name) => value[name] !== undefined);
  // Kubernetes names the list here, not the item.
  const list = path.replace(/\[\d+\]$/, '');
  if (present.length === 0) {
    errors.push(invalid(list, '', 'must specify one of: `configMapRef` or `secretRef`'));
  } else if (present.length > 1) {
    errors.push(invalid(list, '', 'may not have more than one field specified at a time'));
  }
  for (const name of present) {
    const ref = value[name];
    const here = child(child(path, name), 'name');
    const target = isJsonObject(ref) ? textOf(ref, 'name') : '';
    if (target === '') errors.push(required(here));
    else for (const text of dnsSubdomain(target)) errors.push(invalid(here, target, text));
  }
};

const shortestToken = 600;
const longestToken = 2 ** 32;

/** Checks the lifetime of a projected token. */
export const isTokenLifetime: Check = (value, path, errors) => {
  if (typeof value !== 'number') return;
  if (value < shortestToken) {
    errors.push(invalid(path, value, 'may not specify a duration less than 10 minutes'));
  } else if (value > longestToken) {
    errors.push(invalid(path, value, 'may not specify a duration larger than 2^32 seconds'));
  }
};

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursions = ['Disabled', 'Enabled', 'IfPossible'];

/** A volume mount beside its required fields. */
export const isVolumeMount: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  // Of some fields Kubernetes names the list here, not the item.
  const list = path.replace(/\[\d+\]$/, '');
  const propagation = value['mountPropagation'];
  if (typeof propagation === 'string' && !propagations.includes(propagation)) {
    errors.push(notSupported(child(list, 'mountPropagation'), propagation, propagations));
  }
  isDescendingPath(value['subPath'], child(list, 'subPath'), errors);
  isDescendingPath(value['subPathExpr'], child(list, 'subPathExpr'), errors);
  if (value['subPath'] !== undefined && value['subPathExpr'] !== undefined) {
    const text = 'subPathExpr and subPath are mutually exclusive';
    errors.push(invalid(child(path, 'subPathExpr'), value['subPathExpr'], text));
  }
  checkRecursion(value, child(list, 'recursiveReadOnly'), errors);
};

function checkRecursion(
  mount: Record<string, unknown>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { recursiveReadOnly: recursive, mountPropagation = 'None' } = mount;
  if (recursive === undefined || recursive === 'Disabled') return;
  if (typeof recursive === 'string' && !recursions.includes(recursive)) {
    errors.push(notSupported(path, recursive, recursions));
    return;
  }
  if (mount['readOnly'] !== true) {
    errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  }
  if (mountPropagation !== 'None') {
    const text = 'may only be specified when mountPropagation is None or not specified';
    errors.push(forbidden(path, text));
  }
}

/** Exactly one of the ways in which a probe or hook acts. */
export function isHandler(names: readonly string[]): Check {
  return (value, path, errors) => {
    if (!isJsonObject(value)) return;
    const present = names.filter((name) => value[name] !== undefined);
    if (present.length === 0) errors.push(required(path, 'must specify a handler type'));
    for (const name of present.slice(1)) {
      errors.push(forbidden(child(path, name), 'may not specify more than 1 handler type'));
    }
    const exec = value['exec'];
    if (isJsonObject(exec) && exec['command'] === undefined) {
      errors.push(required(child(child(path, 'exec'), 'command')));
    }
  };
}
