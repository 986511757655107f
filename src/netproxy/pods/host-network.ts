import type { PodNetwork, PodRef } from '../types.js';

/** The pod network without root: pods share the node's network and have its address. */
export class HostPodNetwork implements PodNetwork {
  readonly #ips: readonly string[];

  constructor(nodeIp: string) {
    this.#ips = [nodeIp];
  }

  async start(): Promise<void> {}

  async setUp(): Promise<{ readonly ips: readonly string[] }> {
    return { ips: this.#ips };
  }

  async tearDown(): Promise<void> {}

  async check(): Promise<readonly string[] | undefined> {
    return this.#ips;
  }

  async recover(pods: readonly PodRef[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return new Map(pods.map(({ podUid }) => [podUid, this.#ips]));
  }

  async stop(): Promise<void> {}
}
