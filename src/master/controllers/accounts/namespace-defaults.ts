/**
 * The objects of each namespace from its start: the ServiceAccount "default" (controller "serviceaccount") and the
 * ConfigMap "kube-root-ca.crt" (controller "root-ca-certificate-publisher").
 */
import type { ConfigMap, Namespace, ServiceAccount } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreAlreadyExists } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { TlsSource } from '../../../lib/pki/tls-source.js';
import type { ControllerContext } from '../context.js';
import { defaultAccountName, rootCaMapName, rootCaMapOf } from './plan.js';

function isActive(namespace: Namespace | undefined): boolean {
  return namespace !== undefined && namespace.metadata.deletionTimestamp === undefined;
}

/** A namespace may begin to end between our look and our write. */
function ignoreTerminating(error: unknown): void {
  if (isApiError(error, 'Forbidden') || isApiError(error, 'NotFound')) return;
  ignoreAlreadyExists(error);
}

/** Controller "serviceaccount". */
export function createServiceAccountController(context: ControllerContext): Reconciler {
  return new DefaultAccounts(context).reconciler;
}

class DefaultAccounts {
  readonly #context: ControllerContext;
  readonly #namespaces: Informer<Namespace>;
  readonly #accounts: Informer<ServiceAccount>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'serviceaccount',
      reconcile: (namespace) => this.#reconcile(namespace),
    });
    this.#namespaces = context.informers.informer<Namespace>(resources.namespaces);
    this.#accounts = context.informers.informer<ServiceAccount>(resources.serviceAccounts);
    this.#namespaces.onChange(({ object }) => this.reconciler.enqueue(object.metadata.name));
    this.#accounts.onChange(({ type, object }) => {
      if (type === 'delete' && object.metadata.name === defaultAccountName) {
        this.reconciler.enqueue(object.metadata.namespace ?? '');
      }
    });
  }

  async #reconcile(namespace: string): Promise<void> {
    if (!isActive(this.#namespaces.get({ name: namespace }))) return;
    const metadata = { name: defaultAccountName, namespace };
    if (this.#accounts.get(metadata) !== undefined) return;
    await this.#context.client
      .create<ServiceAccount>(resources.serviceAccounts, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata,
      })
      .catch(ignoreTerminating);
  }
}

/** Controller "root-ca-certificate-publisher"; none where the CA is not known. */
export function createRootCaPublisher(context: ControllerContext): Reconciler[] {
  const { rootCa } = context.flags;
  return rootCa === undefined ? [] : [new RootCaPublisher(context, rootCa).reconciler];
}

class RootCaPublisher {
  readonly #context: ControllerContext;
  readonly #rootCa: TlsSource<string>;
  readonly #namespaces: Informer<Namespace>;
  readonly #maps: Informer<ConfigMap>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext, rootCa: TlsSource<string>) {
    this.#context = context;
    this.#rootCa = rootCa;
    this.reconciler = createReconciler(context, {
      name: 'root-ca-certificate-publisher',
      reconcile: (namespace) => this.#reconcile(namespace),
    });
    this.#namespaces = context.informers.informer<Namespace>(resources.namespaces);
    this.#maps = context.informers.informer<ConfigMap>(resources.configMaps);
    this.#namespaces.onChange(({ object }) => this.reconciler.enqueue(object.metadata.name));
    rootCa.onChange(() => {
      for (const { metadata } of this.#namespaces.list()) this.reconciler.enqueue(metadata.name);
    });
    this.#maps.onChange(({ object }) => {
      if (object.metadata.name === rootCaMapName) {
        this.reconciler.enqueue(object.metadata.namespace ?? '');
      }
    });
  }

  async #reconcile(namespace: string): Promise<void> {
    if (!isActive(this.#namespaces.get({ name: namespace }))) return;
    const present = this.#maps.get({ namespace, name: rootCaMapName });
    const wanted = rootCaMapOf(namespace, this.#rootCa.current, present);
    if (wanted === undefined) return;
    const { client } = this.#context;
    if (present !== undefined) await client.update<ConfigMap>(resources.configMaps, wanted);
    else await client.create<ConfigMap>(resources.configMaps, wanted).catch(ignoreTerminating);
  }
}
