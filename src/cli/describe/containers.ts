/** Containers, in a pod or in a template. */
import { parseQuantity } from '../../api/quantity.js';
import type { Pod } from '../../api/types/core.js';
import { timeOrZero } from './common.js';
import type { DescribeWriter } from './writer.js';

/** What a pod consists of. */
export type PodSpec = NonNullable<Pod['spec']>;
export type Container = PodSpec['containers'][number];
type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];
type State = NonNullable<Status['state']>;
type Probe = NonNullable<Container['livenessProbe']>;

const nano = 1_000_000_000n;

/** A list of containers. @param space of a template, whose names stand one blank further */
export function writeContainers(
  writer: DescribeWriter,
  label: string,
  containers: readonly Container[],
  options: {
    readonly statuses?: readonly Status[] | undefined;
    readonly space?: string;
    readonly pod?: Pod;
  } = {},
): void {
  const { statuses = [], space = '', pod } = options;
  writer.line(0, `${space}${label}:${containers.length === 0 ? ' <none>' : ''}`);
  for (const container of containers) {
    const status = statuses.find(({ name }) => name === container.name);
    writer.line(1, `${space === '' ? '' : ' '}${container.name}:`);
    writeBasics(writer, container, status);
    writeWords(writer, 'Command', container.command);
    writeWords(writer, 'Args', container.args);
    if (status !== undefined) writeStatus(writer, status);
    writeAmounts(writer, 2, container.resources);
    writeProbe(writer, 'Liveness', container.livenessProbe);
    writeProbe(writer, 'Readiness', container.readinessProbe);
    writeProbe(writer, 'Startup', container.startupProbe);
    writeEnvironmentSources(writer, container);
    writeEnvironment(writer, container, pod);
    writeMounts(writer, container);
  }
}

function writeBasics(
  writer: DescribeWriter,
  container: Container,
  status: Status | undefined,
): void {
  if (status !== undefined) writer.field(2, 'Container ID', status.containerID ?? '');
  writer.field(2, 'Image', container.image ?? '');
  if (status !== undefined) writer.field(2, 'Image ID', status.imageID ?? '');
  const ports = (container.ports ?? []).map(
    ({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`,
  );
  const hostPorts = (container.ports ?? []).map(
    ({ hostPort = 0, protocol = 'TCP' }) => `${hostPort}/${protocol}`,
  );
  writer.field(
    2,
    ports.length > 1 ? 'Ports' : 'Port',
    ports.length === 0 ? '<none>' : ports.join(', '),
  );
  writer.field(
    2,
    hostPorts.length > 1 ? 'Host Ports' : 'Host Port',
    hostPorts.length === 0 ? '<none>' : hostPorts.join(', '),
  );
  const { seccompProfile } = container.securityContext ?? {};
  if (seccompProfile !== undefined && seccompProfile !== null) {
    writer.field(2, 'SeccompProfile', seccompProfile.type);
    if (seccompProfile.type === 'Localhost') {
      writer.field(3, 'LocalhostProfile', seccompProfile.localhostProfile ?? '');
    }
  }
}

function writeWords(
  writer: DescribeWriter,
  title: string,
  words: readonly string[] | undefined,
): void {
  if (words === undefined || words.length === 0) return;
  writer.line(2, `${title}:`);
  for (const word of words) for (const line of word.split('\n')) writer.line(3, line);
}

function writeStatus(writer: DescribeWriter, status: Status): void {
  writeState(writer, 'State', status.state ?? {});
  const { lastState } = status;
  if (lastState?.terminated !== undefined && lastState.terminated !== null) {
    writeState(writer, 'Last State', lastState);
  }
  writer.field(2, 'Ready', status.ready ? 'True' : 'False');
  writer.field(2, 'Restart Count', status.restartCount ?? 0);
}

function writeState(writer: DescribeWriter, title: string, state: State): void {
  const { running, terminated, waiting } = state;
  if (running !== undefined && running !== null) {
    writer.field(2, title, 'Running');
    writer.field(3, 'Started', timeOrZero(running.startedAt));
  } else if (terminated !== undefined && terminated !== null) {
    writer.field(2, title, 'Terminated');
    if ((terminated.reason ?? '') !== '') writer.field(3, 'Reason', terminated.reason);
    if ((terminated.message ?? '') !== '') writer.field(3, 'Message', terminated.message);
    writer.field(3, 'Exit Code', terminated.exitCode);
    if ((terminated.signal ?? 0) > 0) writer.field(3, 'Signal', terminated.signal);
    writer.field(3, 'Started', timeOrZero(terminated.startedAt));
    writer.field(3, 'Finished', timeOrZero(terminated.finishedAt));
  } else {
    writer.field(2, title, 'Waiting');
    if ((waiting?.reason ?? '') !== '') writer.field(3, 'Reason', waiting?.reason);
  }
}

/** Limits and requests. */
export function writeAmounts(
  writer: DescribeWriter,
  level: number,
  resources: Container['resources'],
): void {
  for (const [title, amounts] of [
    ['Limits', resources?.limits],
    ['Requests', resources?.requests],
  ] as const) {
    const entries = Object.entries(amounts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length > 0) writer.line(level, `${title}:`);
    for (const [name, amount] of entries) writer.field(level + 1, name, amount);
  }
}

function writeProbe(writer: DescribeWriter, title: string, probe: Probe | undefined): void {
  if (probe === undefined || probe === null) return;
  const { initialDelaySeconds = 0, timeoutSeconds = 1, periodSeconds = 10 } = probe;
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  const numbers = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`;
  writer.field(2, title, `${probeText(probe)} ${numbers}`);
}

function probeText({ exec, httpGet, tcpSocket, grpc }: Probe): string {
  if (exec !== undefined && exec !== null) return `exec [${(exec.command ?? []).join(' ')}]`;
  if (httpGet !== undefined && httpGet !== null) {
    const { scheme = 'HTTP', host = '', port, path = '' } = httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path.startsWith('/') ? '' : '/'}${path}`;
  }
  if (tcpSocket !== undefined && tcpSocket !== null)
    return `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port}`;
  if (grpc !== undefined && grpc !== null) return `grpc <pod>:${grpc.port} ${grpc.service ?? ''}`;
  return 'unknown';
}

function writeEnvironmentSources(writer: DescribeWriter, { envFrom = [] }: Container): void {
  if (envFrom.length === 0) return;
  writer.line(2, 'Environment Variables from:');
  for (const { configMapRef, secretRef, prefix } of envFrom) {
    const [from, source] =
      configMapRef === undefined || configMapRef === null
        ? ['Secret', secretRef]
        : ['ConfigMap', configMapRef];
    const suffix = prefix === undefined || prefix === '' ? '' : ` with prefix '${prefix}'`;
    writer.line(
      3,
      `${source?.name ?? ''}\t${from}${suffix}\tOptional: ${source?.optional ?? false}`,
    );
  }
}

function writeEnvironment(
  writer: DescribeWriter,
  container: Container,
  pod: Pod | undefined,
): void {
  const { env = [] } = container;
  writer.line(2, `Environment:${env.length === 0 ? '\t<none>' : ''}`);
  for (const { name, value = '', valueFrom } of env) {
    if (valueFrom === undefined || valueFrom === null) {
      const [first = '', ...rest] = value.split('\n');
      writer.line(3, `${name}:\t${first}`);
      for (const line of rest) writer.line(3, `\t${line}`);
      continue;
    }
    const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
    if (fieldRef !== undefined && fieldRef !== null) {
      const { apiVersion = 'v1', fieldPath } = fieldRef;
      writer.line(3, `${name}:\t${fieldValue(pod, fieldPath)} (${apiVersion}:${fieldPath})`);
    } else if (resourceFieldRef !== undefined && resourceFieldRef !== null) {
      writer.line(
        3,
        `${name}:\t${resourceValue(container, resourceFieldRef)} (${resourceFieldRef.resource})`,
      );
    } else if (secretKeyRef !== undefined && secretKeyRef !== null) {
      const { key, optional = false } = secretKeyRef;
      writer.line(
        3,
        `${name}:\t<set to the key '${key}' in secret '${secretKeyRef.name ?? ''}'>\tOptional: ${optional}`,
      );
    } else if (configMapKeyRef !== undefined && configMapKeyRef !== null) {
      const { key, optional = false } = configMapKeyRef;
      writer.line(
        3,
        `${name}:\t<set to the key '${key}' of config map '${configMapKeyRef.name ?? ''}'>\tOptional: ${optional}`,
      );
    }
  }
}

/** The fields of a pod whose values kubectl shows; of others it shows the path alone. */
const shownFields = new Map<string, (pod: Pod) => string | undefined>([
  ['metadata.name', ({ metadata }) => metadata.name],
  ['metadata.namespace', ({ metadata }) => metadata.namespace],
  ['metadata.uid', ({ metadata }) => metadata.uid],
]);

function fieldValue(pod: Pod | undefined, path: string): string {
  return (pod === undefined ? undefined : shownFields.get(path)?.(pod)) ?? '';
}

type ResourceField = NonNullable<
  NonNullable<NonNullable<Container['env']>[number]['valueFrom']>['resourceFieldRef']
>;

/** An amount of a container in units of the divisor, rounded up. */
function resourceValue(
  { resources }: Container,
  { resource: path, divisor }: ResourceField,
): string {
  const [part = '', ...rest] = path.split('.');
  const resource = rest.join('.');
  const amounts = part === 'limits' ? resources?.limits : resources?.requests;
  const amount = parseQuantity(amounts?.[resource] ?? '0')?.nanos ?? 0n;
  const isNode = part === 'limits' && ['cpu', 'memory'].includes(resource);
  if (amount === 0n) return isNode ? 'node allocatable' : '0';
  const unit = parseQuantity(divisor ?? '1')?.nanos ?? 0n;
  const whole = unit === 0n ? nano : unit;
  return String((amount + whole - 1n) / whole);
}

function writeMounts(
  writer: DescribeWriter,
  { volumeMounts = [], volumeDevices = [] }: Container,
): void {
  writer.line(2, `Mounts:${volumeMounts.length === 0 ? '\t<none>' : ''}`);
  for (const mount of volumeMounts.toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1))) {
    const flags = [
      mount.readOnly === true ? 'ro' : 'rw',
      ...(mount.subPath === undefined ? [] : [`path="${mount.subPath}"`]),
    ];
    writer.line(3, `${mount.mountPath} from ${mount.name} (${flags.join(',')})`);
  }
  if (volumeDevices.length === 0) return;
  writer.line(2, 'Devices:');
  for (const { devicePath, name } of volumeDevices) writer.line(3, `${devicePath} from ${name}`);
}
