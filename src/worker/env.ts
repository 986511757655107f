/**
 * The environment of a container, in kubelet's order: services, then `envFrom`, then `env`; a later variable of the
 * same name takes the place of an earlier one.
 */
import type { ConfigMap, Container, Pod, Secret, Service } from '../api/types/core.js';
import type { NodeFacts } from './pod-fields.js';
import { containersOf, podField, resourceField } from './pod-fields.js';

/** Finds ConfigMaps and Secrets of the pod's namespace; undefined is "not found". */
export interface ConfigSource {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
}

/** Something that the environment needs is missing: the reason is `CreateContainerConfigError`. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly code = 'ENVIRONMENT';
}

/** The inputs of a container's environment. */
export interface EnvironmentOptions {
  readonly pod: Pod;
  readonly container: Container;
  readonly source: ConfigSource;
  readonly facts: NodeFacts;
  /** Services of the pod's namespace and of `default`. */
  readonly services: readonly Service[];
}

/** @throws EnvironmentError or PodFieldError, fit to be shown in the container's status */
export function containerEnvironment(
  options: EnvironmentOptions,
): (readonly [name: string, value: string])[] {
  const { container, pod, services } = options;
  const env = new Map<string, string>();
  const known = serviceVariables(pod, services);
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const values =
      configMapRef !== undefined
        ? configMapValues(options, configMapRef)
        : secretValues(options, secretRef ?? {});
    for (const [key, value] of Object.entries(values)) env.set(`${prefix}${key}`, value);
  }
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expandVariables(variable.value ?? '', (name) => env.get(name) ?? known.get(name))
        : referencedValue(options, variable.valueFrom);
    if (value !== undefined) env.set(variable.name, value);
  }
  for (const [name, value] of known) if (!env.has(name)) env.set(name, value);
  return [...env];
}

/**
 * Replaces `$(NAME)` by its value; `$$` is a dollar sign; a name that is not known stays as it is.
 * @see Kubernetes third_party/forked/golang/expansion
 */
export function expandVariables(
  text: string,
  lookUp: (name: string) => string | undefined,
): string {
  if (!text.includes('$')) return text;
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    return lookUp(name) ?? whole;
  });
}

type ValueSource = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function referencedValue(options: EnvironmentOptions, from: ValueSource): string | undefined {
  const { pod, container, facts, source } = options;
  if (from.fieldRef !== undefined) return podField(pod, from.fieldRef.fieldPath, facts);
  if (from.resourceFieldRef !== undefined) {
    const { containerName } = from.resourceFieldRef;
    const target = containersOf(pod).find((candidate) => candidate.name === containerName);
    return resourceField(target ?? container, from.resourceFieldRef, facts);
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const map = source.configMap(name);
    const value = map?.data?.[key] ?? fromBase64(map?.binaryData?.[key]);
    if (value !== undefined || optional === true) return value;
    throw new EnvironmentError(
      map === undefined
        ? `configmap "${name}" not found`
        : `couldn't find key ${key} in ConfigMap ${pod.metadata.namespace ?? ''}/${name}`,
    );
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    const secret = source.secret(name);
    const value = fromBase64(secret?.data?.[key]);
    if (value !== undefined || optional === true) return value;
    throw new EnvironmentError(
      secret === undefined
        ? `secret "${name}" not found`
        : `couldn't find key ${key} in Secret ${pod.metadata.namespace ?? ''}/${name}`,
    );
  }
  return '';
}

interface Reference {
  readonly name?: string | undefined;
  readonly optional?: boolean | undefined;
}

function configMapValues(
  options: EnvironmentOptions,
  { name = '', optional }: Reference,
): Record<string, string> {
  const map = options.source.configMap(name);
  if (map === undefined && optional !== true) {
    throw new EnvironmentError(`configmap "${name}" not found`);
  }
  return map?.data ?? {};
}

function secretValues(
  options: EnvironmentOptions,
  { name = '', optional }: Reference,
): Record<string, string> {
  const secret = options.source.secret(name);
  if (secret === undefined && optional !== true) {
    throw new EnvironmentError(`secret "${name}" not found`);
  }
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(secret?.data ?? {}))
    values[key] = fromBase64(value) ?? '';
  return values;
}

function fromBase64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

/**
 * `NAME_SERVICE_HOST` and its kin, for the services of the pod's namespace (unless it wants none) and always for the
 * API.
 * @see Kubernetes "Discovering services: environment variables"
 */
export function serviceVariables(pod: Pod, services: readonly Service[]): Map<string, string> {
  const namespace = pod.metadata.namespace ?? '';
  const wanted = services.filter((service) => {
    const isApi =
      service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes';
    const inNamespace = service.metadata.namespace === namespace;
    return isApi || (inNamespace && pod.spec.enableServiceLinks !== false);
  });
  // The API's own service comes last in precedence: one of the same name in the pod's namespace hides it.
  const ordered = wanted.toSorted(
    (a, b) =>
      Number(a.metadata.namespace === namespace) - Number(b.metadata.namespace === namespace),
  );
  const variables = new Map<string, string>();
  for (const service of ordered) addService(variables, service);
  return variables;
}

function addService(variables: Map<string, string>, service: Service): void {
  const address = service.spec.clusterIP ?? '';
  const ports = service.spec.ports ?? [];
  const [first] = ports;
  if (address === '' || address === 'None' || first === undefined) return;
  const name = service.metadata.name.toUpperCase().replaceAll('-', '_');
  variables.set(`${name}_SERVICE_HOST`, address);
  variables.set(`${name}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (port.name === undefined || port.name === '') continue;
    const suffix = port.name.toUpperCase().replaceAll('-', '_');
    variables.set(`${name}_SERVICE_PORT_${suffix}`, String(port.port));
  }
  const urlOf = (port: (typeof ports)[number]): string =>
    `${(port.protocol ?? 'TCP').toLowerCase()}://${address.includes(':') ? `[${address}]` : address}:${port.port}`;
  variables.set(`${name}_PORT`, urlOf(first));
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    variables.set(prefix, urlOf(port));
    variables.set(`${prefix}_PROTO`, protocol.toLowerCase());
    variables.set(`${prefix}_PORT`, String(port.port));
    variables.set(`${prefix}_ADDR`, address);
  }
}
