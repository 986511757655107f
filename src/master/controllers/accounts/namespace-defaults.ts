/**
 * What each namespace has from the start: the ServiceAccount "default" (controller "serviceaccount") and the ConfigMap
 * "kube-root-ca.crt" (controller "root-ca-certificate-publisher").
 */
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreAlreadyExists } from '../../../client/controller/reconciler.js';
import { isApiError } from '../../../client/types.js';
import type { ConfigMap, Namespace, ServiceAccount } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';

const accountName = 'default';
const configMapName = 'kube-root-ca.crt';

/** Calls `enqueue` for namespaces as they come, and for the namespace of an object named `name` that changed. */
function isActive(namespace: Namespace | undefined): boolean {
  return namespace !== undefined && namespace.metadata.deletionTimestamp === undefined;
}

/** A namespace may begin to end between our look and our write. */
function ignoreTerminating(error: unknown): void {
  if (isApiError(error, 'Forbidden') || isApiError(error, 'NotFound')) return;
  ignoreAlreadyExists(error);
}

export function createServiceAccountController(context: ControllerContext): Reconciler {
  const { client } = context;
  const reconciler = createReconciler(context, { name: 'serviceaccount', reconcile });
  const namespaces = context.informers.informer<Namespace>(resources.namespaces);
  const accounts = context.informers.informer<ServiceAccount>(resources.serviceAccounts);
  namespaces.onChange(({ object }) => reconciler.enqueue(object.metadata.name));
  accounts.onChange(({ type, object }) => {
    if (type === 'delete' && object.metadata.name === accountName) {
      reconciler.enqueue(object.metadata.namespace ?? '');
    }
  });

  async function reconcile(namespace: string): Promise<void> {
    if (!isActive(namespaces.get({ name: namespace }))) return;
    if (accounts.get({ namespace, name: accountName }) !== undefined) return;
    await client
      .create<ServiceAccount>(resources.serviceAccounts, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: accountName, namespace },
      })
      .catch(ignoreTerminating);
  }
  return reconciler;
}

export function createRootCaPublisher(context: ControllerContext): Reconciler[] {
  const { client, flags } = context;
  const { rootCa } = flags;
  if (rootCa === undefined) return [];
  const data = { 'ca.crt': rootCa };
  const reconciler = createReconciler(context, {
    name: 'root-ca-certificate-publisher',
    reconcile,
  });
  const namespaces = context.informers.informer<Namespace>(resources.namespaces);
  const maps = context.informers.informer<ConfigMap>(resources.configMaps);
  namespaces.onChange(({ object }) => reconciler.enqueue(object.metadata.name));
  maps.onChange(({ object }) => {
    if (object.metadata.name === configMapName) reconciler.enqueue(object.metadata.namespace ?? '');
  });

  async function reconcile(namespace: string): Promise<void> {
    if (!isActive(namespaces.get({ name: namespace }))) return;
    const present = maps.get({ namespace, name: configMapName });
    if (present === undefined) {
      const annotations = {
        'kubernetes.io/description':
          'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
      };
      await client
        .create<ConfigMap>(resources.configMaps, {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: configMapName, namespace, annotations },
          data,
        })
        .catch(ignoreTerminating);
    } else if (present.data?.['ca.crt'] !== rootCa) {
      await client.update<ConfigMap>(resources.configMaps, { ...present, data });
    }
  }
  return [reconciler];
}
