/**
 * Which container has which devices, and what their plugins gave it for them. Pure.
 * @see kubelet cm/devicemanager/manager.go, `devicesToAllocate`, and pod_devices.go
 */
import type { Container, Pod } from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import type { DeviceMapping, Mount } from '../../runtime/types.js';

/** What a container gets beside its own configuration. */
export interface Grant {
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly DeviceMapping[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Names by the Container Device Interface, which the runtime resolves. */
  readonly cdiDevices: readonly string[];
}

/** Nothing. */
export const noGrant: Grant = { env: [], mounts: [], devices: [], annotations: {}, cdiDevices: [] };

/** Devices of one resource that one container has. */
export interface Allocation {
  readonly container: string;
  readonly resource: string;
  readonly ids: readonly string[];
  readonly grant: Grant;
}

/** Devices cannot be given. The message goes into the pod's status. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError';
  readonly code = 'ALLOCATION';
}

/** So many devices of a resource. */
export interface DeviceRequest {
  readonly resource: string;
  readonly count: number;
}

/** The amounts of each resource that a container asks devices of. */
export function deviceRequests(
  container: Pick<Container, 'resources'>,
  isOfDevices: (resource: string) => boolean,
): DeviceRequest[] {
  return Object.entries(container.resources?.limits ?? {}).flatMap(([resource, amount]) => {
    const count = parseQuantity(amount)?.value() ?? 0;
    return count > 0 && isOfDevices(resource) ? [{ resource, count }] : [];
  });
}

/** What {@link choose} decides by. */
export interface Situation {
  readonly resource: string;
  readonly count: number;
  /** Undefined: no plugin has told of the resource. */
  readonly healthy: ReadonlySet<string> | undefined;
  /** The ids that the container has; undefined: none was given to it yet. */
  readonly held: readonly string[] | undefined;
  /** The ids that init containers of the pod had, which have ended by then. */
  readonly reusable: ReadonlySet<string>;
  /** The ids that any container has. */
  readonly inUse: ReadonlySet<string>;
}

/** Devices that a container is certain to get, and those of which the rest may be chosen. */
export interface Choice {
  readonly certain: readonly string[];
  readonly free: readonly string[];
  /** How many of `free` it needs. */
  readonly missing: number;
}

/**
 * A container that starts again keeps what it has, whatever has become of it.
 * @returns undefined when the container has what it asks for
 * @throws AllocationError with kubelet's words
 */
export function choose(situation: Situation): Choice | undefined {
  const { resource, count, healthy, held, reusable, inUse } = situation;
  if (held?.length === count) return undefined;
  if (held !== undefined) {
    throw new AllocationError(
      `the request for resource "${resource}" changed from ${held.length} to ${count}`,
    );
  }
  if (healthy === undefined) {
    throw new AllocationError(`cannot allocate unregistered device ${resource}`);
  }
  if (healthy.size === 0) {
    throw new AllocationError(
      `no healthy devices present; cannot allocate unhealthy devices ${resource}`,
    );
  }
  const certain = [...reusable].slice(0, count);
  const missing = count - certain.length;
  const free = [...healthy].filter((id) => !inUse.has(id)).sort();
  if (missing > free.length) {
    throw new AllocationError(
      `requested number of devices unavailable for ${resource}. Requested: ${missing}, Available: ${free.length}`,
    );
  }
  return { certain, free: missing === 0 ? [] : free, missing };
}

/** Takes what the plugin prefers first, as far as it may be had, and others after it. */
export function settle({ certain, free, missing }: Choice, preferred: readonly string[]): string[] {
  const wanted = [...new Set(preferred)].filter((id) => free.includes(id));
  const others = free.filter((id) => !wanted.includes(id));
  return [...certain, ...[...wanted, ...others].slice(0, missing)];
}

/**
 * The containers of a pod in the order in which they get devices, each with what the next ones may take over from it:
 * an init container ends before the others start, unless it is a sidecar.
 */
export function inOrderOfAllocation(
  pod: Pod,
): { readonly container: Container; readonly passesOn: boolean }[] {
  const { initContainers = [], containers } = pod.spec;
  return [
    ...initContainers.map((container) => ({
      container,
      passesOn: container.restartPolicy !== 'Always',
    })),
    ...containers.map((container) => ({ container, passesOn: false })),
  ];
}

/** Puts together what several plugins gave. Of two with one name or path the first counts. */
export function joinGrants(grants: readonly Grant[]): Grant {
  const first = <T>(items: readonly T[], key: (item: T) => string): T[] => {
    const found = new Map<string, T>();
    for (const item of items) if (!found.has(key(item))) found.set(key(item), item);
    return [...found.values()];
  };
  return {
    env: first(
      grants.flatMap(({ env }) => env),
      ([name]) => name,
    ),
    mounts: first(
      grants.flatMap(({ mounts }) => mounts),
      ({ containerPath }) => containerPath,
    ),
    devices: first(
      grants.flatMap(({ devices }) => devices),
      ({ containerPath }) => containerPath,
    ),
    annotations: Object.fromEntries(
      grants.toReversed().flatMap(({ annotations }) => Object.entries(annotations)),
    ),
    cdiDevices: [...new Set(grants.flatMap(({ cdiDevices }) => cdiDevices))],
  };
}
