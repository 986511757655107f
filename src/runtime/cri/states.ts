/** What a runtime says of its sandboxes, containers and images, as the agent has it: pure. */
import type {
  ContainerStats as CriContainerStats,
  ContainerStatus,
  Image,
  PodSandboxStatus,
} from '../../gen/cri/api.js';
import { ContainerState as CriState, NamespaceMode } from '../../gen/cri/api.js';
import { unknownExitCode } from '../exit-code.js';
import { normalizeImageReference } from '../image-reference.js';
import type {
  ContainerPhase,
  ContainerState,
  ContainerStats,
  ImageInfo,
  SandboxState,
} from '../types.js';
import type { ContainerNote } from './container-config.js';
import { ownLabels, podOf, recordAnnotation } from './labels.js';

/** The reason of a container that the kernel ended for its memory. */
const oomReason = 'OOMKilled';

/** The note that was left with a container; undefined for what is not the agent's. */
export function noteOf(annotations: Readonly<Record<string, string>>): ContainerNote | undefined {
  const text = annotations[recordAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ContainerNote;
  } catch {
    return undefined;
  }
}

/**
 * Returns a container's state; undefined for one that is not the agent's.
 * @param later annotations that were added after its creation, which a runtime does not keep
 */
export function containerState(
  status: ContainerStatus,
  scheme: string,
  later: Readonly<Record<string, string>> = {},
): ContainerState | undefined {
  const id = status.labels[ownLabels.container];
  const note = noteOf(status.annotations);
  if (id === undefined || note === undefined) return undefined;
  const phase = phaseOf(status.state);
  const { startedAt, finishedAt, metadata, imageRef } = status;
  return {
    id,
    reportedId: `${scheme}://${status.id}`,
    sandboxId: note.sandboxId,
    pod: podOf(status.labels),
    name: metadata?.name ?? '',
    restartCount: metadata?.attempt ?? 0,
    image: note.image,
    imageId: imageRef,
    phase,
    createdAtMs: millis(status.createdAt),
    ...(startedAt > 0n ? { startedAtMs: millis(startedAt) } : {}),
    ...(phase === 'exited' && finishedAt > 0n ? { finishedAtMs: millis(finishedAt) } : {}),
    ...(phase === 'exited' ? { exitCode: exitCodeOf(status) } : {}),
    ...(phase === 'exited' && status.reason === oomReason ? { oomKilled: true } : {}),
    logPath: note.logPath,
    tty: note.tty,
    stdin: note.stdin,
    annotations: { ...note.annotations, ...later },
  };
}

/** A container of which the runtime has lost sight does not run for all that it knows. */
function phaseOf(state: CriState): ContainerPhase {
  if (state === CriState.CONTAINER_CREATED) return 'created';
  return state === CriState.CONTAINER_RUNNING ? 'running' : 'exited';
}

function exitCodeOf({ state, exitCode }: ContainerStatus): number {
  return state === CriState.CONTAINER_UNKNOWN ? unknownExitCode : exitCode;
}

/** Returns a sandbox's state; undefined for one that is not the agent's. */
export function sandboxState(status: PodSandboxStatus): SandboxState | undefined {
  const id = status.labels[ownLabels.sandbox];
  if (id === undefined) return undefined;
  const { ip = '', additionalIps = [] } = status.network ?? {};
  const isOfNode = status.linux?.namespaces?.options?.network === NamespaceMode.NODE;
  const ips = [ip, ...additionalIps.map((extra) => extra.ip)].filter((text) => text !== '');
  return {
    id,
    pod: podOf(status.labels),
    createdAtMs: millis(status.createdAt),
    ...(isOfNode ? {} : { ips }),
  };
}

/** Returns an entry for each name of an image; those with a digest alone where it has no tag. */
export function imageInfos(image: Image): ImageInfo[] {
  const { repoTags, repoDigests } = image;
  return (repoTags.length > 0 ? repoTags : repoDigests).map((name) => imageInfo(image, name));
}

/** Returns the entry of an image for one of its names. @throws RuntimeError InvalidImageName */
export function imageInfo(image: Image, name: string): ImageInfo {
  const reference = normalizeImageReference(name);
  const repository = reference.replace(/(?::[^/:]*)?(?:@.*)?$/, '');
  const own = image.repoDigests.find((digest) => digest.startsWith(`${repository}@`));
  const digest = own?.slice(repository.length + 1) ?? image.id;
  return { reference, digest, sizeBytes: Number(image.size) };
}

/** The user of an image, as it names it. */
export function imageUserOf({ uid, username }: Image): string {
  return uid === undefined ? username : String(uid.value);
}

/** Returns what a container uses; undefined for one that is not the agent's. */
export function containerStats(stats: CriContainerStats): ContainerStats | undefined {
  const { attributes, cpu, memory } = stats;
  const id = attributes?.labels[ownLabels.container];
  if (id === undefined) return undefined;
  const workingSet = Number(memory?.workingSetBytes?.value ?? 0n);
  return {
    id,
    atMs: millis(cpu?.timestamp ?? memory?.timestamp ?? 0n),
    cpuUsageNanos: Number(cpu?.usageCoreNanoSeconds?.value ?? 0n),
    memoryWorkingSetBytes: workingSet,
    memoryUsageBytes: Number(memory?.usageBytes?.value ?? 0n) || workingSet,
    memoryRssBytes: Number(memory?.rssBytes?.value ?? 0n),
    pids: 0,
  };
}

/** @param nanos since 1970 */
function millis(nanos: bigint): number {
  return Number(nanos / 1_000_000n);
}
