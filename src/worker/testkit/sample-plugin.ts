/** A device plugin as somebody may write one: its socket, its devices, its registration. */
import { join } from 'node:path';
import { DevicePluginDefinition, RegistrationDefinition } from '../../gen/deviceplugin/api.js';
import type {
  ContainerAllocateResponse,
  Device,
  DevicePluginOptions,
} from '../../gen/deviceplugin/api.js';
import { Code, createGrpcChannel, createGrpcServer, GrpcError } from '../../lib/grpc/index.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';

/** What it answers. */
export interface SampleAnswers {
  readonly options?: Partial<DevicePluginOptions>;
  readonly prefers?: readonly string[];
  /** Called with the ids that a container is given. */
  readonly allocate?: (ids: readonly string[]) => Partial<ContainerAllocateResponse>;
  /** Calls of Allocate wait for it. */
  readonly gate?: Promise<void>;
}

/** See the head of this file. */
export class SamplePlugin {
  /** The calls that came, with the ids that they named. */
  readonly calls: string[] = [];
  readonly #directory: string;
  readonly #socket: string;
  readonly #answers: SampleAnswers;
  #devices: Device[] = [];
  #told: () => void = () => undefined;
  #server: GrpcServer | undefined;

  constructor(directory: string, socket: string, answers: SampleAnswers = {}) {
    this.#directory = directory;
    this.#socket = socket;
    this.#answers = answers;
  }

  /** Serves its devices, of which those that begin with `!` are not healthy. */
  async serve(...ids: readonly string[]): Promise<void> {
    this.have(...ids);
    const server = createGrpcServer({ log: silentLogger });
    this.#server = server;
    server.addService(DevicePluginDefinition, {
      getDevicePluginOptions: () =>
        Promise.resolve({
          preStartRequired: false,
          getPreferredAllocationAvailable: false,
          ...this.#answers.options,
        }),
      listAndWatch: async (_request, sender, { signal }) => {
        while (!signal.aborted) {
          sender.send({ devices: this.#devices });
          await new Promise<void>((resolve) => {
            this.#told = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      },
      getPreferredAllocation: ({ containerRequests: [request] }) => {
        const { availableDeviceIDs = [], allocationSize = 0 } = request ?? {};
        this.calls.push(`prefer ${allocationSize} of ${availableDeviceIDs.join()}`);
        const deviceIDs = [...(this.#answers.prefers ?? [])];
        return Promise.resolve({ containerResponses: [{ deviceIDs }] });
      },
      allocate: async ({ containerRequests: [request] }) => {
        await this.#answers.gate;
        const ids = request?.devicesIds ?? [];
        this.calls.push(`allocate ${ids.join()}`);
        if (ids.includes('broken')) throw new GrpcError(Code.Internal, 'it smokes');
        const response = this.#answers.allocate?.(ids) ?? { envs: { DEVICES: ids.join() } };
        const empty = { envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: [] };
        return { containerResponses: [{ ...empty, ...response }] };
      },
      preStartContainer: ({ devicesIds }) => {
        this.calls.push(`prepare ${devicesIds.join()}`);
        return Promise.resolve({});
      },
    });
    await server.listen({ path: join(this.#directory, this.#socket) });
  }

  /** Changes its devices, and tells of it. */
  have(...ids: readonly string[]): void {
    this.#devices = ids.map((id) => ({
      ID: id.replace(/^!/, ''),
      health: id.startsWith('!') ? 'Unhealthy' : 'Healthy',
      topology: undefined,
    }));
    this.#told();
  }

  /** @throws GrpcError as the agent answers */
  async register(resourceName: string, version = 'v1beta1'): Promise<void> {
    const channel = createGrpcChannel({
      target: `unix:${join(this.#directory, 'kubelet.sock')}`,
      log: silentLogger,
    });
    try {
      const request = { version, endpoint: this.#socket, resourceName, options: undefined };
      await channel.client(RegistrationDefinition).register(request);
    } finally {
      channel.close();
    }
  }

  async end(): Promise<void> {
    await this.#server?.close({ graceMs: 0 });
  }
}
