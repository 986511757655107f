import type { PodInfo } from './pod-info.js';

interface Nomination {
  readonly info: PodInfo;
  readonly node: string;
}

/** Room that is kept on nodes for pods that preempted others and wait for these to go. */
export class Nominations {
  readonly #byPod = new Map<string, Nomination>();

  /** Keeps room for the pod on `node`, and on no other. */
  set(info: PodInfo, node: string): void {
    this.#byPod.set(info.key, { info, node });
  }

  delete(key: string): void {
    this.#byPod.delete(key);
  }

  nodeOf(key: string): string | undefined {
    return this.#byPod.get(key)?.node;
  }

  /** The nominations of other pods that are at least as important as `info`: nobody takes their room from them. */
  aheadOf(info: PodInfo): Nomination[] {
    return [...this.#byPod.values()].filter(
      (other) => other.info.key !== info.key && other.info.priority >= info.priority,
    );
  }
}
