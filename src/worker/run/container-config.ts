/** A container as the runtime is to make it, out of a pod's spec and what was prepared for it. */
import type { Container, Pod } from '../../api/types/core.js';
import type { ContainerConfig, Mount } from '../../runtime/types.js';
import { hollowPrefix, runsToEndAnnotation } from '../../runtime/types.js';
import type { EnvironmentOptions } from '../env.js';
import { containerEnvironment, expandVariables } from '../env.js';
import type { Grant } from '../devices/allocations.js';
import { noGrant } from '../devices/allocations.js';
import { resourcesAnnotation, wantedImageAnnotation } from '../pod/record.js';
import { containerResources } from '../resources/cgroup.js';
import { securityConfig } from '../resources/security.js';
import type { NodeFiles, NodeVolumes } from './node-context.js';

/** The inputs of a container's configuration. */
export interface ContainerConfigOptions extends EnvironmentOptions {
  readonly id: string;
  readonly sandboxId: string;
  readonly restartCount: number;
  /** The pod's, for the environment. */
  readonly hostname: string;
  readonly files: NodeFiles;
  readonly volumes: NodeVolumes;
  readonly volumePaths: ReadonlyMap<string, string>;
  readonly nodeMemoryBytes: number;
  readonly logMaxBytes: number;
  /** What device plugins give. @default nothing */
  readonly grant?: Grant;
}

/** @throws EnvironmentError, PodFieldError or VolumeError: `CreateContainerConfigError` */
export async function containerConfig(options: ContainerConfigOptions): Promise<ContainerConfig> {
  const { id, sandboxId, restartCount, pod, container, files } = options;
  const { uid = '', namespace = '', name } = pod.metadata;
  const grant = options.grant ?? noGrant;
  const own = containerEnvironment(options);
  const named = new Set(own.map(([variable]) => variable));
  const env = [...grant.env.filter(([variable]) => !named.has(variable)), ...own];
  const lookUp = new Map(env);
  const expand = (words: readonly string[]): string[] =>
    words.map((word) => expandVariables(word, (variable) => lookUp.get(variable)));
  const { command = [], args = [], workingDir } = container;
  await files.prepareContainer(uid, container, restartCount);
  return {
    id,
    sandboxId,
    restartCount,
    pod: { uid, namespace, name },
    name: container.name,
    image: container.image ?? '',
    ...(command.length === 0 ? {} : { command: expand(command) }),
    ...(args.length === 0 ? {} : { args: expand(args) }),
    ...(workingDir === undefined || workingDir === '' ? {} : { workingDir }),
    env: [...env, ...(lookUp.has('HOSTNAME') ? [] : [['HOSTNAME', options.hostname] as const])],
    mounts: withGranted(await mountsOf(options, lookUp), grant),
    ...devicesOf(options, grant),
    security: securityConfig(pod, container),
    resources: containerResources(pod, container, options.nodeMemoryBytes),
    logPath: files.logPath(uid, container.name, restartCount),
    logMaxBytes: options.logMaxBytes,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    ...(container.lifecycle?.stopSignal === undefined
      ? {}
      : { stopSignal: container.lifecycle.stopSignal }),
    annotations: {
      ...grant.annotations,
      ...hollowAnnotations(pod, container),
      [wantedImageAnnotation]: container.image ?? '',
      [resourcesAnnotation]: JSON.stringify(container.resources ?? {}),
    },
  };
}

/** The container's own mounts count where a plugin brings one of the same path. */
function withGranted(own: readonly Mount[], { mounts }: Grant): Mount[] {
  const taken = new Set(own.map(({ containerPath }) => containerPath));
  return [...mounts.filter(({ containerPath }) => !taken.has(containerPath)), ...own];
}

function devicesOf(
  { volumes, pod, container, volumePaths }: ContainerConfigOptions,
  { devices: granted, cdiDevices }: Grant,
): Pick<ContainerConfig, 'devices' | 'cdiDevices'> {
  const devices = [...granted, ...volumes.devicesFor(pod, container, volumePaths)];
  return {
    ...(devices.length === 0 ? {} : { devices }),
    ...(cdiDevices.length === 0 ? {} : { cdiDevices }),
  };
}

/** What the hollow runtime has to know: the pod's wishes, and whether the container is to end by itself. */
function hollowAnnotations(pod: Pod, container: Container): Record<string, string> {
  const wishes = Object.entries(pod.metadata.annotations ?? {}).filter(([name]) =>
    name.startsWith(hollowPrefix),
  );
  const init = pod.spec.initContainers?.find(({ name }) => name === container.name);
  const isToEnd =
    init === undefined
      ? (pod.spec.restartPolicy ?? 'Always') !== 'Always'
      : init.restartPolicy !== 'Always';
  const own = isToEnd ? { [runsToEndAnnotation]: 'true' } : {};
  return { ...Object.fromEntries(init === undefined ? wishes : []), ...own };
}

async function mountsOf(
  options: ContainerConfigOptions,
  env: ReadonlyMap<string, string>,
): Promise<Mount[]> {
  const { pod, container, restartCount, files, volumes, volumePaths } = options;
  const { uid = '' } = pod.metadata;
  const mounts = await volumes.mountsFor({
    pod,
    container,
    paths: volumePaths,
    env,
  });
  const taken = new Set(mounts.map(({ containerPath }) => containerPath));
  const own: Mount[] = [
    mount(files.hostsPath(uid), '/etc/hosts', container),
    mount(files.resolverPath(uid), '/etc/resolv.conf', container),
    mount(files.hostnamePath(uid), '/etc/hostname', container),
    mount(
      files.messagePath(uid, container.name, restartCount),
      messagePathIn(container),
      undefined,
    ),
  ];
  return [...mounts, ...own.filter(({ containerPath }) => !taken.has(containerPath))];
}

function mount(hostPath: string, containerPath: string, container: Container | undefined): Mount {
  const readOnly = container?.securityContext?.readOnlyRootFilesystem ?? false;
  return { hostPath, containerPath, readOnly };
}

function messagePathIn(container: Container): string {
  const path = container.terminationMessagePath ?? '';
  return path === '' ? '/dev/termination-log' : path;
}

/** The pod's ports that the node publishes. */
export function hostPorts(pod: Pod): {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostIp?: string;
}[] {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, protocol = 'TCP', hostIP }) => {
      if (hostPort === undefined || hostPort === 0) return [];
      return [
        {
          hostPort,
          containerPort,
          protocol: protocol as 'TCP' | 'UDP' | 'SCTP',
          ...(hostIP === undefined || hostIP === '' ? {} : { hostIp: hostIP }),
        },
      ];
    }),
  );
}
