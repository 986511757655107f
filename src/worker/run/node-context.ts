/** The services of a node that all its pods share. */
import type { Node, Pod, Service } from '../../api/types/core.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { PodNetwork } from '../../netproxy/types.js';
import type { ContainerRuntime } from '../../runtime/types.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import type { Gate, SharedGate } from '../../lib/gate.js';
import type { PressureType } from '../eviction/pressure.js';
import type { NodeDevices } from '../devices/device-manager.js';
import type { ImageManager } from '../images/image-manager.js';
import type { NodeAbilities } from '../pod/admission.js';
import type { ContainerRole, ResizeRefusal } from '../pod/state.js';
import type { ProbeKind } from '../probes/prober.js';
import type { NodeFacts } from '../pod-fields.js';
import type { ObjectCache } from '../sources/object-cache.js';
import type { MeasureDisk } from '../volumes/disk-usage.js';
import type { VolumeManager } from '../volumes/volume-manager.js';
import type { ClusterDns, ResolverConfig } from './dns-config.js';
import type { PodFiles } from './pod-files.js';

/** Is told of the work on pods. */
export interface PodObserver {
  /** A start of a container has ended. @param failure the reason, as its status has it, when it did not start */
  containerStarted(role: ContainerRole, failure: string | undefined): void;
  /** All containers of a pod run for the first time. @param tookMs since this node first saw it */
  podStarted(tookMs: number): void;
  /** A probe has been tried. */
  probed(pod: Pod, container: string, kind: ProbeKind, succeeded: boolean): void;
  /** Nothing is left of a pod. */
  podGone(uid: string): void;
}

/** The calls that pods make to the node's volumes; the simulation implements them without a disk. */
export type NodeVolumes = Pick<
  VolumeManager,
  'setUp' | 'refresh' | 'tearDown' | 'mountsFor' | 'devicesFor' | 'podUidsInMemory'
>;

/** Of their files, likewise. */
export type NodeFiles = Pick<PodFiles, keyof PodFiles>;

/** See the head of this file. */
export interface NodeContext {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  readonly nodeMemoryBytes: number;
  readonly logMaxBytes: number;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly runtime: ContainerRuntime;
  readonly network: PodNetwork;
  readonly volumes: NodeVolumes;
  /** Of device plugins. @default there are none */
  readonly devices?: NodeDevices;
  readonly images: ImageManager;
  readonly objects: ObjectCache;
  readonly files: NodeFiles;
  readonly events: EventRecorder;
  readonly dns: () => ClusterDns;
  readonly hostResolver: ResolverConfig;
  /** Services of a namespace and of `default`, for environments. */
  readonly services: (namespace: string) => readonly Service[];
  /** So many sandboxes are made, and containers started, at once; the latter by the pods' uids. */
  readonly gates: { readonly sandboxes: Gate; readonly starts: SharedGate };
  /** Why a pod that runs here cannot have the resources that it asks for by now. */
  readonly roomProblem: (pod: Pod) => ResizeRefusal | undefined;
  /** The Node object: as it was last seen, and as it is now. */
  readonly nodeObject: {
    readonly seen: Node | undefined;
    fetch(): Promise<Node>;
  };
  /** What the node runs out of. */
  readonly pressures: () => readonly PressureType[];
  /** Measures what containers have written. */
  readonly measureDisk: MeasureDisk;
  /** Is told of the work on pods, for metrics. @default nobody is */
  readonly observer?: PodObserver;
  /** The abilities of this node that not every node has. */
  readonly abilities: NodeAbilities;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
}

/** The node's part of a pod's downward API. */
export function factsFor(node: NodeContext, podIps: readonly string[]): NodeFacts {
  return {
    nodeName: node.nodeName,
    hostIps: node.hostIps,
    podIps,
    allocatable: node.allocatable,
  };
}

/** The identity of a pod, which never changes. */
export interface PodKey {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** The names of a pod. */
export function keyOf(pod: Pod): PodKey {
  const { uid = '', namespace = '', name } = pod.metadata;
  return { uid, namespace, name };
}
