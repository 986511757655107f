/** PodNetwork by CNI plugins: bridge + host-local, loopback, portmap. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';
import { errorMessage } from '../../lib/errors.js';
import type { RunCommand } from '../command.js';
import { createRunner } from '../command.js';
import type { HostPort, PodNetwork, PodNetworkOptions, PodRef } from '../types.js';
import { PodNetworkError } from '../types.js';
import type { CniRunner } from './cni.js';
import { callPlugin, containerId, networkName, portmapConf } from './cni.js';
import { KeyedGate } from './keyed-gate.js';
import { NodePlace } from './node-place.js';
import { parseJsonList } from './router.js';

/** The record of a connected pod, so that repeating and undoing survive a restart. */
interface Attachment {
  readonly podUid: string;
  readonly netnsPath: string;
  readonly ips: readonly string[];
  readonly hostPorts: readonly HostPort[];
}

/** Plugins at once: more only wait for host-local's lock and the kernel's. */
const pluginsAtOnce = 4;
const podInterface = 'eth0';

/** {@link PodNetwork} by CNI plugins: a bridge, addresses of the node's range, host ports. */
export class CniPodNetwork implements PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #cni: CniRunner;
  readonly #run: RunCommand;
  readonly #gate = new KeyedGate(pluginsAtOnce);
  readonly #attachments: string;
  readonly #leases: string;
  readonly #place: NodePlace;
  #starting: Promise<void> | undefined;

  constructor(options: PodNetworkOptions, run?: RunCommand) {
    this.#options = options;
    this.#run = run ?? createRunner(options.clock);
    this.#cni = { run: this.#run, binDir: options.cniBinDir ?? '/usr/lib/cni' };
    this.#place = new NodePlace(options, this.#run);
    this.#attachments = join(options.dataDir, 'pods');
    this.#leases = join(options.dataDir, 'leases');
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    await mkdir(this.#attachments, { recursive: true });
    await mkdir(this.#leases, { recursive: true });
    await this.#place.start();
  }

  async setUp(
    pod: Parameters<PodNetwork['setUp']>[0],
  ): Promise<{ readonly ips: readonly string[] }> {
    await this.start();
    return this.#gate.run(pod.podUid, async () => {
      const present = await this.#checkNow(pod);
      if (present !== undefined) {
        await this.#isolate(pod, present);
        return { ips: present };
      }
      // Half-made by a process that died: undo first, or the plugin refuses.
      if ((await this.#load(pod.podUid)) !== undefined) await this.#detach(pod.podUid, '');
      const hostPorts = pod.hostPorts ?? [];
      await this.#save({ podUid: pod.podUid, netnsPath: pod.netnsPath, ips: [], hostPorts });
      try {
        const ips = await this.#attach(pod, hostPorts);
        await this.#isolate(pod, ips);
        await this.#save({ podUid: pod.podUid, netnsPath: pod.netnsPath, ips, hostPorts });
        return { ips };
      } catch (error) {
        await this.#detach(pod.podUid, pod.netnsPath).catch((cause: unknown) =>
          this.#options.log.warn(
            { error: cause, pod: pod.podUid },
            'the network of a pod could not be taken down after a failure',
          ),
        );
        throw error;
      }
    });
  }

  async tearDown(pod: PodRef): Promise<void> {
    await this.#gate.run(pod.podUid, async () => {
      const exists = await isThere(pod.netnsPath);
      await this.#detach(pod.podUid, exists ? pod.netnsPath : '');
    });
  }

  check(pod: PodRef): Promise<readonly string[] | undefined> {
    return this.#gate.run(pod.podUid, () => this.#checkNow(pod));
  }

  async recover(pods: readonly PodRef[]): Promise<ReadonlyMap<string, readonly string[]>> {
    await this.start();
    const known = new Set(pods.map(({ podUid }) => podUid));
    const attached = new Set([...(await this.#attached()), ...(await this.#leaseHolders())]);
    await Promise.all(
      [...attached]
        .filter((podUid) => !known.has(podUid))
        .map((podUid) => this.#gate.run(podUid, () => this.#detach(podUid, ''))),
    );
    const whole = new Map<string, readonly string[]>();
    await Promise.all(
      pods.map(async (pod) => {
        const ips = await this.check(pod);
        if (ips !== undefined) whole.set(pod.podUid, ips);
      }),
    );
    const held = pods.flatMap(({ podUid, namespace, name }) => {
      const ips = whole.get(podUid);
      return ips === undefined ? [] : [{ podUid, namespace, name, ips }];
    });
    this.#options.isolation?.adopt(held);
    return whole;
  }

  async stop(): Promise<void> {
    await this.#place.stop();
  }

  async #attach(pod: PodRef, hostPorts: readonly HostPort[]): Promise<readonly string[]> {
    const target = { containerId: containerId(pod), netnsPath: pod.netnsPath };
    const conf = await this.#bridgeConf();
    const [result] = await Promise.all([
      callPlugin(this.#cni, 'ADD', conf, { ...target, ifName: podInterface }),
      callPlugin(this.#cni, 'ADD', { type: 'loopback' }, { ...target, ifName: 'lo' }),
    ]);
    const ips = (result.ips ?? []).map(({ address }) => address.split('/')[0] ?? '');
    if (ips.length === 0) throw new PodNetworkError('BadAnswer', 'the plugin gave no address');
    await this.#takeLinkLocal(pod.netnsPath);
    if (hostPorts.length > 0) {
      const published = portmapConf(hostPorts, result);
      await callPlugin(this.#cni, 'ADD', published, { ...target, ifName: podInterface });
    }
    return ips;
  }

  /**
   * Removes the pod's link-local IPv6 address. The kernel gives one to each link, by which pods of one bridge reach
   * each other and the node, and which no policy knows: the cluster's network is IPv4. A pod that may not administer
   * its network cannot get it back.
   */
  async #takeLinkLocal(netnsPath: string): Promise<void> {
    const lines = [
      `link set dev ${podInterface} addrgenmode none`,
      `addr flush dev ${podInterface}`,
    ];
    const enter = [`--net=${netnsPath}`, 'ip', '-6', '-batch', '-'];
    const taken = await this.#run('nsenter', enter, { stdin: `${lines.join('\n')}\n` });
    if (taken.code === 0 || /not supported/i.test(taken.stderr)) return;
    throw new PodNetworkError('CommandFailed', `IPv6 of ${podInterface}: ${taken.stderr}`);
  }

  /** Before the pod runs anything: from its first packet on the policies that select it hold. */
  async #isolate(pod: Parameters<PodNetwork['setUp']>[0], ips: readonly string[]): Promise<void> {
    const { podUid, namespace, name, labels = {} } = pod;
    try {
      await this.#options.isolation?.isolate({ podUid, namespace, name, labels, ips });
    } catch (cause) {
      const reason = errorMessage(cause);
      throw new PodNetworkError('NotIsolated', `network policies: ${reason}`, { cause });
    }
  }

  async #detach(podUid: string, netnsPath: string): Promise<void> {
    const attachment = await this.#load(podUid);
    const target = { containerId: podUid, netnsPath, ifName: podInterface };
    if (attachment !== undefined && attachment.hostPorts.length > 0) {
      await callPlugin(this.#cni, 'DEL', portmapConf(attachment.hostPorts, undefined), target);
    }
    await callPlugin(this.#cni, 'DEL', await this.#bridgeConf(), target);
    await rm(this.#path(podUid), { force: true });
    this.#options.isolation?.forget(podUid);
  }

  async #checkNow(pod: PodRef): Promise<readonly string[] | undefined> {
    const attachment = await this.#load(pod.podUid);
    if (attachment === undefined || attachment.ips.length === 0) return undefined;
    const enter = [`--net=${pod.netnsPath}`, 'ip', '-j', '-4', 'addr', 'show', podInterface];
    const listed = await this.#run('nsenter', enter);
    interface Link {
      readonly operstate?: string;
      readonly addr_info?: readonly { readonly local?: string }[];
    }
    const [link] = parseJsonList<Link>(listed.stdout);
    const there = link?.addr_info?.map(({ local }) => local) ?? [];
    const whole = listed.code === 0 && attachment.ips.every((ip) => there.includes(ip));
    return whole ? attachment.ips : undefined;
  }

  async #bridgeConf(): Promise<Record<string, unknown>> {
    return this.#place.bridgeConf(await this.#place.podCidr(), this.#leases);
  }

  #path(podUid: string): string {
    return join(this.#attachments, `${podUid}.json`);
  }

  async #load(podUid: string): Promise<Attachment | undefined> {
    try {
      return JSON.parse(await readFile(this.#path(podUid), 'utf8')) as Attachment;
    } catch {
      return undefined;
    }
  }

  async #save(attachment: Attachment): Promise<void> {
    await writeWhole(this.#path(attachment.podUid), JSON.stringify(attachment));
  }

  async #attached(): Promise<string[]> {
    const names = await readdir(this.#attachments);
    return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5));
  }

  /** host-local keeps one file per address, whose first line is the container's id. */
  async #leaseHolders(): Promise<string[]> {
    const dir = join(this.#leases, networkName);
    const names = await readdir(dir).catch(() => []);
    const leases = names.filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name));
    const texts = await Promise.all(leases.map((name) => readFile(join(dir, name), 'utf8')));
    return texts.map((text) => text.split(/\r?\n/)[0] ?? '').filter((id) => id !== '');
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
