/** PodNetwork by CNI plugins: bridge + host-local, loopback, portmap. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Informer } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { errorMessage } from '../../lib/errors.js';
import type { RunCommand } from '../command.js';
import { createRunner } from '../command.js';
import type { Node } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { iptablesKernel } from '../iptables/kernel.js';
import { RuleApplier } from '../kernel/rule-applier.js';
import type { HostPort, PodNetwork, PodNetworkOptions, PodRef } from '../types.js';
import { PodNetworkError } from '../types.js';
import type { CniRunner } from './cni.js';
import { bridgeConf, callPlugin, containerId, networkName, portmapConf } from './cni.js';
import { KeyedGate } from './keyed-gate.js';
import { podCidrOf } from './node-routes.js';
import { podNetworkRules } from './pod-rules.js';
import { parseJsonList, Router } from './router.js';
import { setSysctls } from '../sysctl.js';

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
/** VXLAN's headers: outer Ethernet, IPv4, UDP, VXLAN. */
const vxlanOverhead = 50;

/** {@link PodNetwork} by CNI plugins: a bridge, addresses of the node's range, host ports. */
export class CniPodNetwork implements PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #nodes: Informer<Node>;
  readonly #cni: CniRunner;
  readonly #run: RunCommand;
  readonly #gate = new KeyedGate(pluginsAtOnce);
  readonly #attachments: string;
  readonly #leases: string;
  readonly #stop = new AbortController();
  #podCidr: string | undefined;
  #router: Router | undefined;
  #rules: RuleApplier | undefined;
  #starting: Promise<void> | undefined;

  constructor(options: PodNetworkOptions, run?: RunCommand) {
    this.#options = options;
    this.#run = run ?? createRunner(options.clock);
    this.#cni = { run: this.#run, binDir: options.cniBinDir ?? '/usr/lib/cni' };
    this.#nodes = options.informers.informer<Node>(resources.nodes);
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
    const { clock, log, clusterCidr, nodeName, nodeIp, routing } = this.#options;
    await mkdir(this.#attachments, { recursive: true });
    await mkdir(this.#leases, { recursive: true });
    const podCidr = await this.#findPodCidr();
    this.#podCidr = podCidr;
    await setSysctls({ 'net/ipv4/ip_forward': '1' }, log);
    await this.#makeBridge(podCidr);
    await setSysctls({ 'net/bridge/bridge-nf-call-iptables': '1' }, log);
    const rules = podNetworkRules({ podCidr, clusterCidr });
    this.#rules = new RuleApplier({ rules, kernel: iptablesKernel(this.#run), clock, log });
    await this.#rules.applied();
    this.#router = new Router({
      nodes: this.#nodes,
      nodeName,
      nodeIp,
      podCidr,
      clusterCidr,
      routing: routing ?? 'auto',
      mtu: this.#mtu() - (routing === 'vxlan' ? 0 : vxlanOverhead),
      run: this.#run,
      clock,
      log,
    });
    await this.#router.start();
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
    this.#stop.abort();
    await this.#router?.stop();
    await this.#rules?.stop();
  }

  async #attach(pod: PodRef, hostPorts: readonly HostPort[]): Promise<readonly string[]> {
    const target = { containerId: containerId(pod), netnsPath: pod.netnsPath };
    const [result] = await Promise.all([
      callPlugin(this.#cni, 'ADD', this.#bridgeConf(), { ...target, ifName: podInterface }),
      callPlugin(this.#cni, 'ADD', { type: 'loopback' }, { ...target, ifName: 'lo' }),
    ]);
    const ips = (result.ips ?? []).map(({ address }) => address.split('/')[0] ?? '');
    if (ips.length === 0) throw new PodNetworkError('BadAnswer', 'the plugin gave no address');
    await this.#takeLinkLocal(pod.netnsPath);
    if (hostPorts.length > 0) {
      const conf = portmapConf(hostPorts, result);
      await callPlugin(this.#cni, 'ADD', conf, { ...target, ifName: podInterface });
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
    if (this.#podCidr === undefined) this.#podCidr = await this.#findPodCidr();
    await callPlugin(this.#cni, 'DEL', this.#bridgeConf(), target);
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

  /** The bridge is made before the first pod, so that plugins running at once do not race for it. */
  async #makeBridge(podCidr: string): Promise<void> {
    const bridge = this.#options.bridge ?? 'cni0';
    const [network = '', prefix = '24'] = podCidr.split('/');
    const gateway = network.replace(/\d+$/, (last) => String(Number(last) + 1));
    await this.#run('ip', ['link', 'add', bridge, 'type', 'bridge']);
    const lines = [
      `link set ${bridge} mtu ${this.#mtu()} up`,
      `addr replace ${gateway}/${prefix} dev ${bridge}`,
    ];
    const made = await this.#run('ip', ['-batch', '-'], { stdin: `${lines.join('\n')}\n` });
    if (made.code !== 0) throw new PodNetworkError('CommandFailed', `bridge: ${made.stderr}`);
  }

  async #findPodCidr(): Promise<string> {
    const { podCidr, nodeName, clock } = this.#options;
    if (podCidr !== undefined && podCidr !== '') return podCidr;
    const wake = (): string | undefined => {
      const node = this.#nodes.get({ name: nodeName });
      return node === undefined ? undefined : podCidrOf(node);
    };
    const found = wake();
    if (found !== undefined) return found;
    // The node controller hands out the CIDR soon after the node has registered.
    return new Promise((resolve, reject) => {
      const timeout = new AbortController();
      const end = this.#nodes.onChange(() => {
        const cidr = wake();
        if (cidr === undefined) return;
        timeout.abort();
        queueMicrotask(() => end());
        resolve(cidr);
      });
      void delay(clock, 60_000, AbortSignal.any([timeout.signal, this.#stop.signal])).then(() => {
        end();
        reject(new PodNetworkError('NoPodCidr', `node "${nodeName}" has no pod CIDR yet`));
      });
    });
  }

  #bridgeConf(): Record<string, unknown> {
    return bridgeConf({
      bridge: this.#options.bridge ?? 'cni0',
      mtu: this.#mtu(),
      podCidr: this.#podCidr ?? '',
      leaseDir: this.#leases,
    });
  }

  #mtu(): number {
    return this.#options.mtu ?? (this.#options.routing === 'vxlan' ? 1500 - vxlanOverhead : 1500);
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
