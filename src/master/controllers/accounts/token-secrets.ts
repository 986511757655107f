/**
 * Controllers "serviceaccount-token": fills Secrets of type kubernetes.io/service-account-token with a token that lives as long as
 * they do, and removes those whose account is gone; "token-cleaner": removes bootstrap tokens that have expired.
 */
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
} from '../../../client/controller/reconciler.js';
import type { Secret, ServiceAccount } from '../../../api/types/core.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { resources } from '../../../client/resources.js';
import { parseTime } from '../../../api/facts/time.js';

const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
const claimPrefix = 'kubernetes.io/serviceaccount/';
const bootstrapType = 'bootstrap.kubernetes.io/token';

export function createTokenController(context: ControllerContext): Reconciler[] {
  const { client, flags } = context;
  const { rootCa = '', serviceAccountKey } = flags;
  if (serviceAccountKey === undefined) return [];
  const key = createPrivateKey(serviceAccountKey);
  const alg = key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
  const reconciler = createReconciler(context, { name: 'serviceaccount-token', reconcile });
  const accounts = context.informers.informer<ServiceAccount>(resources.serviceAccounts);
  const secrets = context.informers.informer<Secret>(resources.secrets);
  secrets.onChange(({ type, object }) => {
    if (type !== 'delete' && object.type === tokenType) reconciler.enqueue(keyOf(object));
  });
  accounts.onChange(({ type, object }) => {
    if (type === 'update') return;
    for (const secret of secrets.list(object.metadata.namespace)) {
      if (accountOf(secret) === object.metadata.name) reconciler.enqueue(keyOf(secret));
    }
  });

  async function reconcile(at: string): Promise<void> {
    const secret = secrets.get(splitNamespaced(at));
    if (secret?.type !== tokenType || secret.metadata.deletionTimestamp !== undefined) return;
    const { namespace = '' } = secret.metadata;
    const account = await findAccount(namespace, accountOf(secret));
    const wantedUid = secret.metadata.annotations?.[uidAnnotation] ?? account?.metadata.uid;
    if (account === undefined || account.metadata.uid !== wantedUid) {
      const preconditions = { uid: secret.metadata.uid ?? '' };
      await client
        .delete(resources.secrets, secret.metadata, { preconditions })
        .catch(ignoreNotFound);
      return;
    }
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    const data: Record<string, string> = { ...secret.data, namespace: encode(namespace) };
    if (rootCa !== '') data['ca.crt'] = encode(rootCa);
    if ((data['token'] ?? '') === '') data['token'] = encode(await sign(secret, account));
    const annotations = { ...secret.metadata.annotations, [uidAnnotation]: wantedUid ?? '' };
    if (jsonEqual(secret.data, data) && jsonEqual(secret.metadata.annotations, annotations)) return;
    await client.update<Secret>(resources.secrets, {
      ...secret,
      metadata: { ...secret.metadata, annotations },
      data,
    });
  }

  /** The informer may be behind with an account made just before its Secret. */
  async function findAccount(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    const known = accounts.get({ namespace, name });
    if (known !== undefined) return known;
    try {
      return await client.get<ServiceAccount>(resources.serviceAccounts, { namespace, name });
    } catch (error) {
      ignoreNotFound(error);
      return undefined;
    }
  }

  function sign(secret: Secret, { metadata }: ServiceAccount): Promise<string> {
    const { namespace = '', name, uid = '' } = metadata;
    return new SignJWT({
      [`${claimPrefix}namespace`]: namespace,
      [`${claimPrefix}secret.name`]: secret.metadata.name,
      [`${claimPrefix}service-account.name`]: name,
      [`${claimPrefix}service-account.uid`]: uid,
    })
      .setProtectedHeader({ alg })
      .setIssuer('kubernetes/serviceaccount')
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .sign(key);
  }
  return [reconciler];
}

function accountOf(secret: Secret): string {
  return secret.type === tokenType ? (secret.metadata.annotations?.[nameAnnotation] ?? '') : '';
}

/** Removes bootstrap tokens when their time is over. */
export function createTokenCleaner(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const reconciler = createReconciler(context, { name: 'token-cleaner', workers: 1, reconcile });
  const secrets = context.informers.informer<Secret>(resources.secrets);
  secrets.onChange(({ type, object }) => {
    if (type !== 'delete' && isBootstrapToken(object)) reconciler.enqueue(keyOf(object));
  });

  async function reconcile(at: string): Promise<ReconcileResult | void> {
    const secret = secrets.get(splitNamespaced(at));
    if (secret === undefined || !isBootstrapToken(secret)) return undefined;
    const text = Buffer.from(secret.data?.['expiration'] ?? '', 'base64').toString();
    const endsMs = parseTime(text);
    if (endsMs === undefined) return undefined;
    const waitMs = endsMs - clock.nowMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const preconditions = { uid: secret.metadata.uid ?? '' };
    await client
      .delete(resources.secrets, secret.metadata, { preconditions })
      .catch(ignoreNotFound);
    return undefined;
  }
  return reconciler;
}

function isBootstrapToken({ type, metadata }: Secret): boolean {
  return type === bootstrapType && metadata.namespace === 'kube-system';
}
