/** The connection to one device plugin. @see kubelet cm/devicemanager/endpoint.go and plugin/v1beta1/client.go */
import { DevicePluginDefinition } from '../../gen/deviceplugin/api.js';
import type { ContainerAllocateResponse, DevicePluginOptions } from '../../gen/deviceplugin/api.js';
import type { Clock } from '../../lib/clock.js';
import { createGrpcChannel, rpcErrorText } from '../../lib/grpc/index.js';
import type { Channel, Client } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import type { Grant } from './allocations.js';
import { AllocationError } from './allocations.js';
import type { Device } from './inventory.js';

/** A plugin that does not answer holds up the pods that wait for it, and no others. */
const callMs = 30_000;
/** A list of all devices of a node. */
const receiveBytesMax = 16 * 1024 * 1024;

/** The dependencies of {@link DevicePlugin}. */
export interface PluginParts {
  readonly resource: string;
  /** The path of its socket. */
  readonly socket: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One plugin that has registered. */
export class DevicePlugin {
  readonly resource: string;
  readonly #channel: Channel;
  readonly #client: Client<typeof DevicePluginDefinition>;
  readonly #end = new AbortController();
  #options: DevicePluginOptions = {
    preStartRequired: false,
    getPreferredAllocationAvailable: false,
  };

  constructor({ resource, socket, clock, log }: PluginParts) {
    this.resource = resource;
    this.#channel = createGrpcChannel({
      target: `unix:${socket}`,
      // Servers made with grpc-go end connections that ping.
      keepAliveMs: 0,
      defaultDeadlineMs: callMs,
      maxReceiveBytes: receiveBytesMax,
      clock,
      log,
    });
    this.#client = this.#channel.client(DevicePluginDefinition);
  }

  /** Connects, and asks what else it wants to be asked. @throws GrpcError */
  async open(): Promise<void> {
    this.#options = await this.#client.getDevicePluginOptions({});
  }

  /** Whether it wants to know of each start of a container that has its devices. */
  get prepares(): boolean {
    return this.#options.preStartRequired;
  }

  /** Tells of its devices until the plugin ends or is closed. Never rejects. */
  async watch(onDevices: (devices: readonly Device[]) => void): Promise<unknown> {
    const { signal } = this.#end;
    try {
      for await (const { devices } of this.#client.listAndWatch({}, { signal })) {
        onDevices(devices.map(({ ID: id, health }) => ({ id, isHealthy: health === 'Healthy' })));
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Which of the free devices the plugin would give, with those that are certain. @throws AllocationError */
  async prefers(
    certain: readonly string[],
    free: readonly string[],
    size: number,
  ): Promise<string[]> {
    if (!this.#options.getPreferredAllocationAvailable) return [];
    const request = {
      availableDeviceIDs: [...certain, ...free],
      mustIncludeDeviceIDs: [...certain],
      allocationSize: size,
    };
    const { containerResponses } = await this.#client
      .getPreferredAllocation({ containerRequests: [request] })
      .catch(failed('device plugin GetPreferredAllocation rpc failed with err: '));
    return containerResponses[0]?.deviceIDs ?? [];
  }

  /** Tells the plugin that a container gets these. @throws AllocationError */
  async allocate(devicesIds: readonly string[]): Promise<Grant> {
    const request = { containerRequests: [{ devicesIds: [...devicesIds] }] };
    const { containerResponses } = await this.#client.allocate(request).catch(failed(''));
    const [response] = containerResponses;
    if (response === undefined) {
      throw new AllocationError('no containers return in allocation response');
    }
    return grantOf(response);
  }

  /** Lets the plugin prepare the devices of a container that is about to start. @throws AllocationError */
  async beforeStart(devicesIds: readonly string[]): Promise<void> {
    if (!this.prepares) return;
    await this.#client
      .preStartContainer({ devicesIds: [...devicesIds] })
      .catch(failed('device plugin PreStartContainer rpc failed with err: '));
  }

  close(): void {
    this.#end.abort();
    this.#channel.close();
  }
}

function failed(before: string): (error: unknown) => never {
  return (cause) => {
    throw new AllocationError(`${before}${rpcErrorText(cause)}`, { cause });
  };
}

function grantOf({
  envs,
  mounts,
  devices,
  annotations,
  cdiDevices,
}: ContainerAllocateResponse): Grant {
  return {
    env: Object.entries(envs).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    mounts: mounts.map(({ hostPath, containerPath, readOnly }) => ({
      hostPath,
      containerPath,
      readOnly,
      propagation: 'None',
    })),
    devices: devices.map(({ hostPath, containerPath, permissions }) => ({
      hostPath,
      containerPath,
      permissions,
    })),
    annotations,
    cdiDevices: cdiDevices.map(({ name }) => name),
  };
}
