import type {
  Container,
  ContainerStatus,
  PodSandbox,
  PodSandboxStatus,
} from '../../gen/cri/api.js';
import { RuntimeError } from '../types.js';
import type { CriClient } from './client.js';
import { called, calledIfThere } from './client.js';
import { ownLabels } from './labels.js';

/** Finds the runtime's sandboxes and containers by the agent's ids, which they carry as labels. */
export class CriObjects {
  readonly #client: CriClient;
  /** The runtime's ids by ours, of what is known to be there. */
  readonly #containerIds = new Map<string, string>();
  readonly #sandboxIds = new Map<string, string>();

  constructor(client: CriClient) {
    this.#client = client;
  }

  /** All that carry our labels. What is not there any more is forgotten. */
  async list(): Promise<{ readonly sandboxes: PodSandbox[]; readonly containers: Container[] }> {
    const [sandboxes, containers] = await Promise.all([
      called(this.#client.runtime.listPodSandbox({ filter: undefined })),
      this.listContainers(),
    ]);
    const items = sandboxes.items.filter(({ labels }) => labels[ownLabels.sandbox] !== undefined);
    this.#sandboxIds.clear();
    for (const { id, labels } of items) this.#sandboxIds.set(labels[ownLabels.sandbox] ?? '', id);
    return { sandboxes: items, containers };
  }

  async listContainers(): Promise<Container[]> {
    const { containers } = await called(this.#client.runtime.listContainers({ filter: undefined }));
    const own = containers.filter(({ labels }) => labels[ownLabels.container] !== undefined);
    this.#containerIds.clear();
    for (const { id, labels } of own) {
      this.#containerIds.set(labels[ownLabels.container] ?? '', id);
    }
    return own;
  }

  /** All containers of a sandbox. @param criId the runtime's id of it */
  async containersIn(criId: string): Promise<Container[]> {
    const filter = { id: '', state: undefined, podSandboxId: criId, labelSelector: {} };
    return (await called(this.#client.runtime.listContainers({ filter }))).containers;
  }

  /** The runtime's id of a container; undefined when it has none of that id. */
  async findContainer(id: string): Promise<string | undefined> {
    const known = this.#containerIds.get(id);
    if (known !== undefined) return known;
    const filter = {
      id: '',
      state: undefined,
      podSandboxId: '',
      labelSelector: { [ownLabels.container]: id },
    };
    const { containers } = await called(this.#client.runtime.listContainers({ filter }));
    const found = containers[0]?.id;
    if (found !== undefined) this.#containerIds.set(id, found);
    return found;
  }

  /** As {@link findContainer}. @throws RuntimeError NotFound */
  async containerId(id: string): Promise<string> {
    const found = await this.findContainer(id);
    if (found === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return found;
  }

  /** The status of a container by our id; undefined when it is not there. */
  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    const found = await this.findContainer(id);
    if (found === undefined) return undefined;
    const status = await this.statusOf(found);
    if (status === undefined) this.#containerIds.delete(id);
    return status;
  }

  /** The status of a container by the runtime's id; undefined when it is not there. */
  async statusOf(criId: string): Promise<ContainerStatus | undefined> {
    const request = { containerId: criId, verbose: false };
    return (await calledIfThere(this.#client.runtime.containerStatus(request)))?.status;
  }

  /** All sandboxes that carry a label. */
  async sandboxesWith(label: string, value: string): Promise<PodSandbox[]> {
    const filter = { id: '', state: undefined, labelSelector: { [label]: value } };
    return (await called(this.#client.runtime.listPodSandbox({ filter }))).items;
  }

  /** The runtime's id of a sandbox; undefined when it has none of that id. */
  async findSandbox(id: string): Promise<string | undefined> {
    const known = this.#sandboxIds.get(id);
    if (known !== undefined) return known;
    const found = (await this.sandboxesWith(ownLabels.sandbox, id))[0]?.id;
    if (found !== undefined) this.#sandboxIds.set(id, found);
    return found;
  }

  /** The status of a sandbox by our id; undefined when it is not there. */
  async sandboxStatus(id: string): Promise<PodSandboxStatus | undefined> {
    const found = await this.findSandbox(id);
    if (found === undefined) return undefined;
    const status = await this.sandboxStatusOf(found);
    if (status === undefined) this.#sandboxIds.delete(id);
    return status;
  }

  /** The status of a sandbox by the runtime's id; undefined when it is not there. */
  async sandboxStatusOf(criId: string): Promise<PodSandboxStatus | undefined> {
    const request = { podSandboxId: criId, verbose: false };
    return (await calledIfThere(this.#client.runtime.podSandboxStatus(request)))?.status;
  }

  forgetContainer(id: string): void {
    this.#containerIds.delete(id);
  }

  forgetSandbox(id: string): void {
    this.#sandboxIds.delete(id);
  }
}
