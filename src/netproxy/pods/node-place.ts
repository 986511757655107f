import type { Node } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import type { Informer } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import type { RunCommand } from '../command.js';
import { iptablesKernel } from '../iptables/kernel.js';
import { RuleApplier } from '../kernel/rule-applier.js';
import { setSysctls } from '../sysctl.js';
import type { PodNetworkOptions } from '../types.js';
import { PodNetworkError } from '../types.js';
import { bridgeConf } from './cni.js';
import { podCidrOf } from './node-routes.js';
import { podNetworkRules } from './pod-rules.js';
import { Router } from './router.js';

/** VXLAN's headers: outer Ethernet, IPv4, UDP, VXLAN. */
const vxlanOverhead = 50;

/** What the pods of a node have in common, whoever connects them: its range, bridge, masquerading, and routes. */
export class NodePlace {
  readonly #options: PodNetworkOptions;
  readonly #run: RunCommand;
  readonly #nodes: Informer<Node>;
  readonly #stop = new AbortController();
  #podCidr: string | undefined;
  #router: Router | undefined;
  #rules: RuleApplier | undefined;

  constructor(options: PodNetworkOptions, run: RunCommand) {
    this.#options = options;
    this.#run = run;
    this.#nodes = options.informers.informer<Node>(resources.nodes);
  }

  /** Prepares the node. @throws PodNetworkError */
  async start(): Promise<void> {
    const { clock, log, clusterCidr, nodeName, nodeIp, routing } = this.#options;
    const podCidr = await this.podCidr();
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

  /** Ends background work. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#router?.stop();
    await this.#rules?.stop();
  }

  /** The range of the node's pods, which is waited for. @throws PodNetworkError NoPodCidr */
  async podCidr(): Promise<string> {
    this.#podCidr ??= await this.#findPodCidr();
    return this.#podCidr;
  }

  /** The configuration of the plugin that puts pods on the bridge. */
  bridgeConf(podCidr: string, leaseDir: string): Record<string, unknown> {
    return bridgeConf({ bridge: this.#bridge, mtu: this.#mtu(), podCidr, leaseDir });
  }

  get #bridge(): string {
    return this.#options.bridge ?? 'cni0';
  }

  /** The bridge is made before the first pod, so that plugins running at once do not race for it. */
  async #makeBridge(podCidr: string): Promise<void> {
    const bridge = this.#bridge;
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

  #mtu(): number {
    return this.#options.mtu ?? (this.#options.routing === 'vxlan' ? 1500 - vxlanOverhead : 1500);
  }
}
