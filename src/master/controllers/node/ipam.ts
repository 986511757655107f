/** Controller "node-ipam-controller": gives each node a block of the pod network (`spec.podCIDR`, `spec.podCIDRs`). */
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { Node } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { Network } from './cidr.js';
import { blockAt, blockCount, indexOfBlock, parseCidr } from './cidr.js';

interface Pool {
  readonly network: Network;
  readonly prefix: number;
  /** Block → node. */
  readonly taken: Map<number, string>;
}

export function createNodeIpamController(context: ControllerContext): Reconciler[] {
  const { client, flags } = context;
  if (!flags.allocateNodeCidrs || flags.clusterCidrs.length === 0) return [];
  const recorder = context.recorder('cidrAllocator');
  const pools = flags.clusterCidrs.map((cidr): Pool => {
    const network = parseCidr(cidr);
    const prefix = network.bits === 32 ? flags.nodeCidrMaskSize : flags.nodeCidrMaskSizeIpv6;
    return { network, prefix: Math.max(prefix, network.prefix), taken: new Map() };
  });
  const reconciler = createReconciler(context, {
    name: 'node-ipam-controller',
    workers: 1,
    reconcile,
  });
  const nodes = watchSelf<Node>(context, resources.nodes, (key) => reconciler.enqueue(key));
  nodes.onChange(({ type, object }) => {
    const blocks = object.spec.podCIDRs ?? (object.spec.podCIDR ? [object.spec.podCIDR] : []);
    for (const [position, block] of blocks.entries()) {
      const pool = pools[position];
      const index = pool === undefined ? undefined : indexOfBlock(pool.network, pool.prefix, block);
      if (pool === undefined || index === undefined) continue;
      if (type !== 'delete') pool.taken.set(index, object.metadata.name);
      else if (pool.taken.get(index) === object.metadata.name) pool.taken.delete(index);
    }
  });

  async function reconcile(name: string): Promise<void> {
    const node = nodes.get({ name });
    if (node === undefined || (node.spec.podCIDR ?? '') !== '') return;
    const blocks: string[] = [];
    for (const pool of pools) {
      const index = firstFree(pool, name);
      if (index === undefined) {
        const subject = { apiVersion: 'v1', kind: 'Node', metadata: node.metadata };
        recorder.normal(
          subject,
          'CIDRNotAvailable',
          `Node ${name} status is now: CIDRNotAvailable`,
        );
        throw new Error('CIDR allocation failed; there are no remaining CIDRs left to allocate');
      }
      pool.taken.set(index, name);
      blocks.push(blockAt(pool.network, pool.prefix, index));
    }
    await client
      .patch<Node>(resources.nodes, { name }, 'application/merge-patch+json', {
        metadata: { uid: node.metadata.uid },
        spec: { podCIDR: blocks[0], podCIDRs: blocks },
      })
      .catch(ignoreNotFound);
  }
  return [reconciler];
}

/** A block reserved for this node before (its write may have failed), else the first free one. */
function firstFree(pool: Pool, node: string): number | undefined {
  for (const [index, owner] of pool.taken) if (owner === node) return index;
  for (let index = 0; index < blockCount(pool.network, pool.prefix); index++) {
    if (!pool.taken.has(index)) return index;
  }
  return undefined;
}
