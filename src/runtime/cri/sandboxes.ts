import { PodSandboxState } from '../../gen/cri/api.js';
import type { PodSandboxStatus } from '../../gen/cri/api.js';
import { removeCgroups } from '../cgroups.js';
import type { SandboxConfig, SandboxState } from '../types.js';
import { RuntimeError } from '../types.js';
import type { CriClient } from './client.js';
import { calledIfThere, patient, runtimeError } from './client.js';
import { kubeLabels, ownLabels } from './labels.js';
import type { CriObjects } from './objects.js';
import { sandboxConfig, sandboxNoteOf } from './sandbox-config.js';
import { sandboxState } from './states.js';

/** A sandbox may have to wait for its image and its network. @see kubelet: twice the usual time */
const runExtraMs = 120_000;

/** The sandboxes of one runtime. */
export class CriSandboxes {
  readonly #client: CriClient;
  readonly #objects: CriObjects;
  readonly #cgroupRoot: string;

  constructor(options: {
    readonly client: CriClient;
    readonly objects: CriObjects;
    /** Below which cgroup pods are put. */
    readonly cgroupRoot: string;
  }) {
    this.#client = options.client;
    this.#objects = options.objects;
    this.#cgroupRoot = options.cgroupRoot;
  }

  /** @throws RuntimeError CreateFailed, also when the pod gets no address */
  async create(config: SandboxConfig): Promise<SandboxState> {
    const old = await this.#objects.sandboxStatus(config.id);
    if (old !== undefined) {
      if (old.state === PodSandboxState.SANDBOX_READY) return stateOf(old);
      await this.remove(config.id);
    }
    const others = await this.#objects.sandboxesWith(kubeLabels.podUid, config.pod.uid);
    const attempt = Math.max(-1, ...others.map(({ metadata }) => metadata?.attempt ?? 0)) + 1;
    const cgroupParent = this.cgroupOf(config);
    try {
      const request = {
        config: sandboxConfig(config, { attempt, cgroupParent }),
        runtimeHandler: config.runtimeHandler ?? '',
      };
      await this.#client.runtime.runPodSandbox(request, patient(runExtraMs));
    } catch (cause) {
      const error = runtimeError(cause, 'CreateFailed');
      throw new RuntimeError(error.code, error.message, { retryable: true, cause });
    }
    const status = await this.#objects.sandboxStatus(config.id);
    if (status === undefined) {
      throw new RuntimeError('CreateFailed', `sandbox ${config.id} was made and is not there`, {
        retryable: true,
      });
    }
    return stateOf(status);
  }

  /** Ends and removes it, with all that is left in it. */
  async remove(id: string): Promise<void> {
    const found = await this.#objects.sandboxesWith(ownLabels.sandbox, id);
    for (const { id: podSandboxId, labels, annotations } of found) {
      const cgroup = sandboxNoteOf(annotations)?.cgroupParent ?? '';
      await calledIfThere(this.#client.runtime.stopPodSandbox({ podSandboxId }));
      await calledIfThere(this.#client.runtime.removePodSandbox({ podSandboxId }));
      const uid = labels[kubeLabels.podUid] ?? '';
      // Made by the runtime for the pod's sake, and left by it.
      if (cgroup.endsWith(`/pod${uid}`)) await removeCgroups(cgroup);
    }
    this.#objects.forgetSandbox(id);
  }

  /** True when it can still be used. */
  async isWhole(id: string): Promise<boolean> {
    return (await this.#objects.sandboxStatus(id))?.state === PodSandboxState.SANDBOX_READY;
  }

  /** The pod's cgroup, below the mount point of a controller. */
  cgroupOf({ cgroupParent, qosClass, pod }: SandboxConfig): string {
    const qos = { Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' };
    return cgroupParent ?? `${this.#cgroupRoot}${qos[qosClass]}/pod${pod.uid}`;
  }
}

function stateOf(status: PodSandboxStatus): SandboxState {
  const state = sandboxState(status);
  if (state === undefined) throw new RuntimeError('Failed', `sandbox ${status.id} has no label`);
  const { id, ips } = state;
  if (ips?.length !== 0) return state;
  throw new RuntimeError('CreateFailed', `sandbox ${id} has no address`, { retryable: true });
}
