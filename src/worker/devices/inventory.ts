/**
 * The devices of this node that plugins tell of, by the extended resource that they make up. Pure.
 * @see kubelet cm/devicemanager/manager.go
 */

/** One device, as its plugin tells of it. */
export interface Device {
  readonly id: string;
  readonly isHealthy: boolean;
}

/** Amounts of extended resources, for the status of the Node. */
export interface DeviceFigures {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
}

/** So long the devices of a plugin that is gone stay in the capacity: it may only be on its way to a new version. */
const goneMs = 300_000;

interface Resource {
  readonly healthy: ReadonlySet<string>;
  readonly unhealthy: ReadonlySet<string>;
  /** Since when its plugin is gone; undefined: it is there. */
  readonly goneAtMs: number | undefined;
}

/** See the head of this file. */
export class Inventory {
  readonly #resources = new Map<string, Resource>();
  /** Were told to the cluster once: a capacity that is not written stays. */
  readonly #former = new Set<string>();

  /** Takes resources over that an earlier agent told of: there is nothing of them until their plugins come back. */
  expect(names: readonly string[], nowMs: number): void {
    for (const name of names) {
      this.#resources.set(name, { healthy: new Set(), unhealthy: new Set(), goneAtMs: nowMs });
    }
  }

  /** The devices of a resource are these. */
  update(name: string, devices: readonly Device[]): void {
    const ids = (isHealthy: boolean): Set<string> =>
      new Set(devices.filter((one) => one.isHealthy === isHealthy).map(({ id }) => id));
    this.#resources.set(name, { healthy: ids(true), unhealthy: ids(false), goneAtMs: undefined });
    this.#former.delete(name);
  }

  /** The plugin of a resource has gone: no pod gets a device of it any more. */
  leave(name: string, nowMs: number): void {
    const found = this.#resources.get(name);
    if (found === undefined) return;
    const unhealthy = new Set([...found.unhealthy, ...found.healthy]);
    this.#resources.set(name, { healthy: new Set(), unhealthy, goneAtMs: nowMs });
  }

  /** The names of all resources that plugins tell of, or have told of lately. */
  get names(): string[] {
    return [...this.#resources.keys()];
  }

  has(name: string): boolean {
    return this.#resources.has(name);
  }

  /** The ids that may be given to containers; undefined: no plugin has told of such a resource. */
  healthy(name: string): ReadonlySet<string> | undefined {
    return this.#resources.get(name)?.healthy;
  }

  /** Forgets resources whose plugins have been gone for long. @returns what the Node is to offer */
  figures(nowMs: number): DeviceFigures {
    const capacity: Record<string, string> = {};
    const allocatable: Record<string, string> = {};
    for (const [name, { healthy, unhealthy, goneAtMs }] of this.#resources) {
      if (goneAtMs !== undefined && nowMs - goneAtMs >= goneMs) {
        this.#resources.delete(name);
        this.#former.add(name);
        continue;
      }
      capacity[name] = String(healthy.size + unhealthy.size);
      allocatable[name] = String(healthy.size);
    }
    for (const name of this.#former) capacity[name] = allocatable[name] = '0';
    return { capacity, allocatable };
  }
}
