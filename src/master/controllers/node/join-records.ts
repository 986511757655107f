/** Controller "join-record-cleaner": removes the record of a join when its Node has registered. @see cluster/join-records */
import type { KubeObject } from '../../../api/object.js';
import { joinRecordLabel, joinRecordNamespace } from '../../cluster/join-records.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { Node } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';

const nodeNameAnnotation = 'trireme.dev/node-name';

export function createJoinRecordCleaner(context: ControllerContext): Reconciler {
  const { client } = context;
  const reconciler = createReconciler(context, {
    name: 'join-record-cleaner',
    workers: 1,
    reconcile,
  });
  const nodes = context.informers.informer<Node>(resources.nodes);
  const records = context.informers.informer<KubeObject>(resources.leases, {
    namespace: joinRecordNamespace,
    labelSelector: `${joinRecordLabel}=true`,
  });
  nodes.onChange(({ type, object }) => {
    if (type === 'add') reconciler.enqueue(object.metadata.name);
  });
  records.onChange(({ type, object }) => {
    const name = object.metadata.annotations?.[nodeNameAnnotation];
    if (type === 'add' && name !== undefined) reconciler.enqueue(name);
  });

  async function reconcile(nodeName: string): Promise<void> {
    if (nodes.get({ name: nodeName }) === undefined) return;
    for (const { metadata } of records.list(joinRecordNamespace)) {
      if (metadata.annotations?.[nodeNameAnnotation] !== nodeName) continue;
      const preconditions = { uid: metadata.uid ?? '' };
      await client.delete(resources.leases, metadata, { preconditions }).catch(ignoreNotFound);
    }
  }
  return reconciler;
}
