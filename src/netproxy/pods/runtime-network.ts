/** PodNetwork where the container runtime calls the plugins: it is told how, and the node is made ready for them. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';
import { errorMessage } from '../../lib/errors.js';
import { cidrContains, parseCidr } from '../address.js';
import { createRunner } from '../command.js';
import type { HeldPod, PodNetwork, PodNetworkOptions, PodRef } from '../types.js';
import { PodNetworkError } from '../types.js';
import { cniVersion, networkName } from './cni.js';
import { NodePlace } from './node-place.js';

/** Runtimes take the first by name. */
const configurationName = '10-trireme.conflist';

/** In our own directory: the path of the configuration that was written. */
const writtenName = 'written-configuration';

/**
 * Takes back the configuration that an earlier agent of this node wrote: runtimes would go on connecting pods by it.
 * @param dataDir of this part of the network
 * @param stays the directory in which it is still wanted. @default it is wanted nowhere
 */
export async function removeConfiguration(dataDir: string, stays?: string): Promise<void> {
  const written = join(dataDir, writtenName);
  const path = (await readFile(written, 'utf8').catch(() => '')).trim();
  if (path === '' || (stays !== undefined && path === join(stays, configurationName))) return;
  if (basename(path) === configurationName) await rm(path, { force: true });
  await rm(written, { force: true });
}

/** What is asked of the node. */
type PodPlace = Pick<NodePlace, keyof NodePlace>;

/**
 * {@link PodNetwork} for runtimes that connect their sandboxes themselves (CRI). With a directory for their
 * configuration the pods get the node's range, bridge and routes; without one another network plugin has that in hand,
 * and only policies are seen to here.
 */
export class RuntimePodNetwork implements PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #place: PodPlace | undefined;
  readonly #connected = new Map<string, readonly string[]>();
  #starting: Promise<void> | undefined;

  /** @param place stands for the node in tests */
  constructor(options: PodNetworkOptions, place?: PodPlace) {
    this.#options = options;
    this.#place =
      options.cniConfDir === undefined
        ? undefined
        : (place ?? new NodePlace(options, createRunner(options.clock)));
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { cniConfDir, dataDir } = this.#options;
    await removeConfiguration(dataDir, cniConfDir);
    if (this.#place === undefined || cniConfDir === undefined) return;
    await this.#place.start();
    const leases = join(dataDir, 'leases');
    await mkdir(leases, { recursive: true });
    await mkdir(cniConfDir, { recursive: true });
    const bridge = this.#place.bridgeConf(await this.#place.podCidr(), leases);
    const text = networkConfiguration(bridge, { ipv6: existsSync('/proc/sys/net/ipv6') });
    const path = join(cniConfDir, configurationName);
    await mkdir(dataDir, { recursive: true });
    await writeWhole(join(dataDir, writtenName), `${path}\n`);
    // Runtimes read it anew whenever it is written.
    if ((await readFile(path, 'utf8').catch(() => '')) !== text) await writeWhole(path, text);
  }

  /** The runtime has connected the pod: here its policies come into force, before it runs anything. */
  async setUp(
    pod: Parameters<PodNetwork['setUp']>[0],
  ): Promise<{ readonly ips: readonly string[] }> {
    const { podUid, namespace, name, labels = {}, ips = [] } = pod;
    await this.#checkAddresses(ips);
    try {
      await this.#options.isolation?.isolate({ podUid, namespace, name, labels, ips });
    } catch (cause) {
      const reason = errorMessage(cause);
      throw new PodNetworkError('NotIsolated', `network policies: ${reason}`, { cause });
    }
    this.#connected.set(podUid, ips);
    return { ips };
  }

  /** The runtime disconnects it when its sandbox ends. */
  tearDown({ podUid }: PodRef): Promise<void> {
    this.#connected.delete(podUid);
    this.#options.isolation?.forget(podUid);
    return Promise.resolve();
  }

  check({ podUid }: PodRef): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.#connected.get(podUid));
  }

  async recover(pods: readonly PodRef[]): Promise<ReadonlyMap<string, readonly string[]>> {
    await this.start();
    const whole = new Map<string, readonly string[]>();
    const held: HeldPod[] = [];
    for (const { podUid, namespace, name, ips = [] } of pods) {
      if (ips.length === 0) continue;
      held.push({ podUid, namespace, name, ips });
      this.#connected.set(podUid, ips);
      whole.set(podUid, ips);
    }
    this.#options.isolation?.adopt(held);
    return whole;
  }

  async stop(): Promise<void> {
    await this.#place?.stop();
  }

  /** A configuration that comes before ours by its name would give addresses that no other node has a route to. */
  async #checkAddresses(ips: readonly string[]): Promise<void> {
    if (ips.length === 0) throw new PodNetworkError('BadAnswer', 'the runtime gave no address');
    if (this.#place === undefined) return;
    const range = await this.#place.podCidr();
    const block = parseCidr(range);
    const foreign = ips.find((ip) => block === undefined || !cidrContains(block, ip));
    if (foreign === undefined) return;
    const text =
      `the runtime gave the pod ${foreign}, which is not of the node's range ${range}: ` +
      `it does not use ${configurationName} of ${this.#options.cniConfDir ?? ''}`;
    throw new PodNetworkError('ForeignAddress', text);
  }
}

/**
 * The list of plugins that a runtime calls for each pod. As with plugins that are called by us, pods of the IPv4
 * network get no IPv6 address of their link, which no policy would know.
 */
export function networkConfiguration(
  bridge: Readonly<Record<string, unknown>>,
  machine: { readonly ipv6: boolean },
): string {
  const plugins = [
    bridge,
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ...(machine.ipv6
      ? [{ type: 'tuning', sysctl: { 'net.ipv6.conf.eth0.disable_ipv6': '1' } }]
      : []),
  ];
  return `${JSON.stringify({ cniVersion, name: networkName, plugins }, null, 2)}\n`;
}
