/**
 * Controller "join-record-cleaner": removes the record of a join when its Node has registered.
 * @see cluster/join-records
 */
import type { KubeObject } from '../../../api/object.js';
import type { Node } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { joinRecordLabel, joinRecordNamespace } from '../../cluster/join-records.js';
import type { ControllerContext } from '../context.js';

const nodeNameAnnotation = 'trireme.dev/node-name';

/** Controller "join-record-cleaner". */
export function createJoinRecordCleaner(context: ControllerContext): Reconciler {
  return new JoinRecordCleaner(context).reconciler;
}

class JoinRecordCleaner {
  readonly #context: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #records: Informer<KubeObject>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'join-record-cleaner',
      workers: 1,
      reconcile: (nodeName) => this.#reconcile(nodeName),
    });
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#records = context.informers.informer<KubeObject>(resources.leases, {
      namespace: joinRecordNamespace,
      labelSelector: `${joinRecordLabel}=true`,
    });
    this.#nodes.onChange(({ type, object }) => {
      if (type === 'add') this.reconciler.enqueue(object.metadata.name);
    });
    this.#records.onChange(({ type, object }) => {
      const name = object.metadata.annotations?.[nodeNameAnnotation];
      if (type === 'add' && name !== undefined) this.reconciler.enqueue(name);
    });
  }

  async #reconcile(nodeName: string): Promise<void> {
    if (this.#nodes.get({ name: nodeName }) === undefined) return;
    for (const { metadata } of this.#records.list(joinRecordNamespace)) {
      if (metadata.annotations?.[nodeNameAnnotation] !== nodeName) continue;
      const preconditions = { uid: metadata.uid ?? '' };
      await this.#context.client
        .delete(resources.leases, metadata, { preconditions })
        .catch(ignoreNotFound);
    }
  }
}
