/**
 * Device plugins: programs of others, usually pods of a DaemonSet, that bring devices of the node to its pods. They
 * register at `kubelet.sock` in a directory of sockets, tell of their devices, and say what a container needs that is
 * given one. Who has which device is kept on disk, so that an agent that starts again gives none twice.
 * @see kubelet cm/devicemanager, and "Device Plugins" in Kubernetes' documentation
 */
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isExtendedResource } from '../../api/validation/resource-names.js';
import type { Container, Pod } from '../../api/types/core.js';
import { RegistrationDefinition } from '../../gen/deviceplugin/api.js';
import type { RegisterRequest } from '../../gen/deviceplugin/api.js';
import type { Clock } from '../../lib/clock.js';
import type { DirectoryLock } from '../../lib/files/directory-lock.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { Code, createGrpcServer, GrpcError, rpcErrorText } from '../../lib/grpc/index.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { SharedGate } from '../../lib/gate.js';
import type { Logger } from '../../lib/log.js';
import { checkedName } from '../../lib/safe-files/index.js';
import { StateStore } from '../../runtime/state-store.js';
import type { Refusal } from '../pod/admission.js';
import type { Allocation, DeviceRequest, Grant } from './allocations.js';
import {
  AllocationError,
  choose,
  deviceRequests,
  inOrderOfAllocation,
  joinGrants,
  noGrant,
  settle,
} from './allocations.js';
import type { DeviceFigures } from './inventory.js';
import { Inventory } from './inventory.js';
import { DevicePlugin } from './plugin.js';

/** The dependencies of {@link DeviceManager}. */
export interface DeviceManagerOptions {
  /** The directory of sockets, which plugins know. */
  readonly socketDir: string;
  /** Keeps the records. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The devices of a node, as the work on pods needs them. */
export type NodeDevices = Pick<DeviceManager, 'admit' | 'grantFor' | 'release' | 'keep'>;

/** The agent's socket, to which plugins go. */
const ownSocket = 'kubelet.sock';
const version = 'v1beta1';
/** Plugins that may be registered at once: each holds a connection. */
const pluginsMax = 256;
/** The record of the resources that were told of. */
const namesRecord = 'resources';

/** See the head of this file. */
export class DeviceManager {
  readonly #options: DeviceManagerOptions;
  readonly #inventory = new Inventory();
  readonly #plugins = new Map<string, DevicePlugin>();
  readonly #allocations: StateStore<readonly Allocation[]>;
  readonly #names: StateStore<readonly string[]>;
  /** By resource: whether the plugin that was seen last prepares devices for a start. */
  readonly #prepares = new Map<string, boolean>();
  /** Of one resource one container after the other is given devices, as with kubelet, so that no two get the same. */
  readonly #turns = new SharedGate(pluginsMax, 1);
  #server: GrpcServer | undefined;
  #lock: DirectoryLock | undefined;
  #recorded: Promise<void> = Promise.resolve();
  #onChange: () => void = () => undefined;

  constructor(options: DeviceManagerOptions) {
    this.#options = options;
    const { dataDir } = options;
    this.#allocations = new StateStore(join(dataDir, 'device-allocations'));
    this.#names = new StateStore(join(dataDir, 'device-resources'));
  }

  /** Calls `listener` whenever the node has other devices. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /**
   * Serves registrations. The sockets of an earlier agent's plugins go: they see that, and register anew.
   * @throws DirectoryInUseError when another agent serves there, or the system's error
   */
  async start(): Promise<void> {
    const { socketDir, clock, log } = this.#options;
    await mkdir(socketDir, { recursive: true, mode: 0o750 });
    this.#lock = lockDirectory(socketDir);
    await Promise.all([this.#allocations.load(), this.#names.load()]);
    this.#inventory.expect(this.#names.get(namesRecord) ?? [], clock.monotonicMs());
    for (const name of await readdir(socketDir)) {
      const path = join(socketDir, name);
      if ((await lstat(path)).isSocket()) await rm(path, { force: true });
    }
    this.#server = createGrpcServer({ log, clock });
    this.#server.addService(RegistrationDefinition, {
      register: async (request) => {
        await this.#register(request);
        return {};
      },
    });
    await this.#server.listen({ path: join(socketDir, ownSocket) });
  }

  async stop(): Promise<void> {
    for (const plugin of this.#plugins.values()) plugin.close();
    await this.#server?.close({ graceMs: 0 });
    await this.#recorded;
    this.#lock?.release();
  }

  /** What the Node is to offer of devices. */
  figures(): DeviceFigures {
    return this.#inventory.figures(this.#options.clock.monotonicMs());
  }

  /** Frees what pods had that are no longer there: some may have gone while no agent ran. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#allocations.keys()) if (!uids.has(uid)) this.#forget(uid);
  }

  /** Gives a new pod the devices that it asks for. @returns why it gets them not */
  async admit(pod: Pod): Promise<Refusal | undefined> {
    const { uid = '' } = pod.metadata;
    try {
      const reusable = new Map<string, Set<string>>();
      for (const { container, passesOn } of inOrderOfAllocation(pod)) {
        await this.#allocate(pod, container, reusable);
        for (const { resource, ids } of this.#held(uid, container.name)) {
          const rest = reusable.get(resource) ?? new Set();
          for (const id of ids) {
            if (passesOn) rest.add(id);
            else rest.delete(id);
          }
          reusable.set(resource, rest);
        }
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      const message = `Allocate failed due to ${error.message}, which is unexpected`;
      return { reason: 'UnexpectedAdmissionError', message };
    }
  }

  /**
   * Returns what a container that is about to start gets for its devices. One without any, whose pod was admitted while
   * its plugin was away, is given them now.
   * @throws AllocationError
   */
  async grantFor(pod: Pod, container: Container): Promise<Grant> {
    const { uid = '' } = pod.metadata;
    const wanted = this.#requests(container);
    if (wanted.length === 0) return noGrant;
    await this.#allocate(pod, container, new Map());
    const held = this.#held(uid, container.name);
    for (const { resource, ids } of held) {
      // One that went away, and had nothing to prepare, keeps no container from starting again.
      if (this.#plugins.has(resource) || this.#prepares.get(resource) !== false) {
        await this.#plugin(resource).beforeStart(ids);
      }
    }
    return joinGrants(held.map(({ grant }) => grant));
  }

  /** Frees what a pod had that has ended. */
  release(uid: string): void {
    if (this.#allocations.get(uid) !== undefined) this.#forget(uid);
  }

  #forget(uid: string): void {
    const { log } = this.#options;
    this.#allocations
      .delete(uid)
      .catch((error: unknown) => log.warn({ error }, 'a record of devices could not be removed'));
  }

  #held(uid: string, container: string): Allocation[] {
    return (this.#allocations.get(uid) ?? []).filter((one) => one.container === container);
  }

  #requests(container: Container): DeviceRequest[] {
    const allocated = new Set(
      this.#allocations
        .values()
        .flat()
        .map(({ resource }) => resource),
    );
    return deviceRequests(
      container,
      (resource) => this.#inventory.has(resource) || allocated.has(resource),
    );
  }

  async #allocate(
    pod: Pod,
    container: Container,
    reusable: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<void> {
    for (const request of this.#requests(container)) {
      const rest = reusable.get(request.resource) ?? new Set();
      await this.#turns.run(request.resource, () => this.#give(pod, container, request, rest));
    }
  }

  async #give(
    { metadata: { uid = '' } }: Pod,
    { name: container }: Container,
    { resource, count }: DeviceRequest,
    reusable: ReadonlySet<string>,
  ): Promise<void> {
    const held = this.#held(uid, container).find((one) => one.resource === resource);
    const choice = choose({
      resource,
      count,
      healthy: this.#inventory.healthy(resource),
      held: held?.ids,
      reusable,
      inUse: this.#inUse(resource),
    });
    if (choice === undefined) return;
    const plugin = this.#plugin(resource);
    const { certain, free, missing } = choice;
    const isChoice = missing > 0 && missing < free.length;
    const ids = settle(choice, isChoice ? await plugin.prefers(certain, free, count) : []);
    const grant = await plugin.allocate(ids);
    const before = this.#allocations.get(uid) ?? [];
    await this.#allocations.set(uid, [...before, { container, resource, ids, grant }]);
  }

  #inUse(resource: string): Set<string> {
    const all = this.#allocations.values().flat();
    return new Set(all.flatMap((one) => (one.resource === resource ? one.ids : [])));
  }

  #plugin(resource: string): DevicePlugin {
    const plugin = this.#plugins.get(resource);
    if (plugin !== undefined) return plugin;
    throw new AllocationError(`endpoint not found in cache for a registered resource: ${resource}`);
  }

  /** @throws GrpcError with kubelet's words */
  async #register(request: RegisterRequest): Promise<void> {
    const { socketDir, clock, log } = this.#options;
    const { resourceName: resource, endpoint } = request;
    const refuse = (text: string, code: Code = Code.Unknown): never => {
      log.warn({ resource, endpoint }, `a device plugin was refused: ${text}`);
      throw new GrpcError(code, text);
    };
    if (request.version !== version) {
      const given = JSON.stringify(request.version);
      refuse(
        `requested API version ${given} is not supported by kubelet. Supported version is ["${version}"]`,
      );
    }
    if (!isExtendedResource(resource)) {
      refuse(`the ResourceName ${JSON.stringify(resource)} is invalid`);
    }
    if (!this.#plugins.has(resource) && this.#plugins.size >= pluginsMax) {
      refuse(`${pluginsMax} device plugins are registered already`, Code.ResourceExhausted);
    }
    const socket = join(socketDir, checkedName(endpoint));
    const plugin = new DevicePlugin({ resource, socket, clock, log });
    try {
      await plugin.open();
    } catch (error) {
      plugin.close();
      refuse(`failed to get device plugin options: ${rpcErrorText(error)}`);
    }
    this.#plugins.get(resource)?.close();
    this.#plugins.set(resource, plugin);
    this.#prepares.set(resource, plugin.prepares);
    log.info({ resource, endpoint }, 'a device plugin has registered');
    this.#follow(plugin).catch((error: unknown) =>
      log.error({ error, resource }, 'a device plugin is lost'),
    );
  }

  async #follow(plugin: DevicePlugin): Promise<void> {
    const { clock, log } = this.#options;
    const { resource } = plugin;
    const isCurrent = (): boolean => this.#plugins.get(resource) === plugin;
    const error = await plugin.watch((devices) => {
      if (!isCurrent()) return;
      this.#inventory.update(resource, devices);
      this.#recorded = this.#names
        .set(namesRecord, this.#inventory.names)
        .catch((cause: unknown) => log.warn({ error: cause }, 'resources could not be recorded'));
      this.#onChange();
    });
    plugin.close();
    if (!isCurrent()) return;
    log.warn({ error, resource }, 'a device plugin has ended');
    this.#plugins.delete(resource);
    this.#inventory.leave(resource, clock.monotonicMs());
    this.#onChange();
  }
}
