/** Controller "node-ipam-controller": gives each node a block of the pod network (`spec.podCIDR`, `spec.podCIDRs`). */
import type { Node } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Change, Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { BlockPool } from './block-pool.js';

/** Controller "node-ipam-controller"; none where nodes get no addresses from us. */
export function createNodeIpamController(context: ControllerContext): Reconciler[] {
  const { allocateNodeCidrs, clusterCidrs } = context.flags;
  if (!allocateNodeCidrs || clusterCidrs.length === 0) return [];
  return [new NodeIpam(context).reconciler];
}

class NodeIpam {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #nodes: Informer<Node>;
  /** The pools of addresses, one for each family. */
  readonly #pools: readonly BlockPool[];
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    const { clusterCidrs, nodeCidrMaskSize, nodeCidrMaskSizeIpv6 } = context.flags;
    this.#context = context;
    this.#recorder = context.recorder('cidrAllocator');
    this.#pools = clusterCidrs.map(
      (cidr) => new BlockPool(cidr, { ipv4: nodeCidrMaskSize, ipv6: nodeCidrMaskSizeIpv6 }),
    );
    this.reconciler = createReconciler(context, {
      name: 'node-ipam-controller',
      workers: 1,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#nodes = watchSelf<Node>(context, resources.nodes, (key) => this.reconciler.enqueue(key));
    this.#nodes.onChange((change) => this.#onNode(change));
  }

  #onNode({ type, object }: Change<Node>): void {
    const { name } = object.metadata;
    const { podCIDR = '', podCIDRs } = object.spec;
    const blocks = podCIDRs ?? (podCIDR === '' ? [] : [podCIDR]);
    for (const [position, block] of blocks.entries()) {
      if (type === 'delete') this.#pools[position]?.giveBack(block, name);
      else this.#pools[position]?.note(block, name);
    }
  }

  async #reconcile(name: string): Promise<void> {
    const node = this.#nodes.get({ name });
    if (node === undefined || (node.spec.podCIDR ?? '') !== '') return;
    const blocks: string[] = [];
    for (const pool of this.#pools) {
      const block = pool.take(name);
      if (block === undefined) {
        const subject = { apiVersion: 'v1', kind: 'Node', metadata: node.metadata };
        const message = `Node ${name} status is now: CIDRNotAvailable`;
        this.#recorder.normal(subject, 'CIDRNotAvailable', message);
        throw new Error('CIDR allocation failed; there are no remaining CIDRs left to allocate');
      }
      blocks.push(block);
    }
    await this.#context.client
      .patch<Node>(resources.nodes, { name }, 'application/merge-patch+json', {
        metadata: { uid: node.metadata.uid },
        spec: { podCIDR: blocks[0], podCIDRs: blocks },
      })
      .catch(ignoreNotFound);
  }
}
