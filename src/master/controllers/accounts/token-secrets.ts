/**
 * Controllers "serviceaccount-token": fills Secrets of type kubernetes.io/service-account-token with a token that lives
 * as long as they do, and removes those whose account is gone; "token-cleaner": removes bootstrap tokens that have
 * expired.
 */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Secret, ServiceAccount } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import {
  accountOf,
  filledSecret,
  hasToken,
  isBootstrapToken,
  isForeign,
  isTokenSecret,
  msUntilTokenEnds,
  tokenClaims,
} from './plan.js';

/** Controller "serviceaccount-token"; none where no key is known. */
export function createTokenController(context: ControllerContext): Reconciler[] {
  const { serviceAccountKey } = context.flags;
  if (serviceAccountKey === undefined) return [];
  return [new TokenController(context, () => createPrivateKey(serviceAccountKey())).reconciler];
}

class TokenController {
  readonly #context: ControllerContext;
  readonly #key: () => KeyObject;
  readonly #accounts: Informer<ServiceAccount>;
  readonly #secrets: Informer<Secret>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext, key: () => KeyObject) {
    this.#context = context;
    this.#key = key;
    this.reconciler = createReconciler(context, {
      name: 'serviceaccount-token',
      reconcile: (at) => this.#reconcile(at),
    });
    this.#accounts = context.informers.informer<ServiceAccount>(resources.serviceAccounts);
    this.#secrets = context.informers.informer<Secret>(resources.secrets);
    this.#secrets.onChange(({ type, object }) => {
      if (type !== 'delete' && isTokenSecret(object)) this.reconciler.enqueue(keyOf(object));
    });
    this.#accounts.onChange(({ type, object }) => {
      if (type === 'update') return;
      for (const secret of this.#secrets.list(object.metadata.namespace)) {
        if (accountOf(secret) === object.metadata.name) this.reconciler.enqueue(keyOf(secret));
      }
    });
  }

  async #reconcile(at: string): Promise<void> {
    const secret = this.#secrets.get(splitKey(at));
    if (secret === undefined || !isTokenSecret(secret)) return;
    if (secret.metadata.deletionTimestamp !== undefined) return;
    const { client, flags } = this.#context;
    const account = await this.#findAccount(secret);
    if (account === undefined || isForeign(secret, account)) {
      const preconditions = { uid: secret.metadata.uid ?? '' };
      await client
        .delete(resources.secrets, secret.metadata, { preconditions })
        .catch(ignoreNotFound);
      return;
    }
    const token = hasToken(secret) ? '' : await this.#sign(secret, account);
    const filled = filledSecret(secret, account, { rootCa: flags.rootCa?.current ?? '', token });
    if (filled !== undefined) await client.update<Secret>(resources.secrets, filled);
  }

  /** The informer may be behind with an account made just before its Secret. */
  async #findAccount(secret: Secret): Promise<ServiceAccount | undefined> {
    const key = { namespace: secret.metadata.namespace ?? '', name: accountOf(secret) };
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    try {
      return await this.#context.client.get<ServiceAccount>(resources.serviceAccounts, key);
    } catch (error) {
      ignoreNotFound(error);
      return undefined;
    }
  }

  #sign(secret: Secret, account: ServiceAccount): Promise<string> {
    const { subject, claims } = tokenClaims(secret, account);
    const key = this.#key();
    const alg = key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
    return new SignJWT(claims)
      .setProtectedHeader({ alg })
      .setIssuer('kubernetes/serviceaccount')
      .setSubject(subject)
      .sign(key);
  }
}

/** Controller "token-cleaner". */
export function createTokenCleaner(context: ControllerContext): Reconciler {
  return new TokenCleaner(context).reconciler;
}

/** Removes bootstrap tokens when their time is over. */
class TokenCleaner {
  readonly #context: ControllerContext;
  readonly #secrets: Informer<Secret>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'token-cleaner',
      workers: 1,
      reconcile: (at) => this.#reconcile(at),
    });
    this.#secrets = context.informers.informer<Secret>(resources.secrets);
    this.#secrets.onChange(({ type, object }) => {
      if (type !== 'delete' && isBootstrapToken(object)) this.reconciler.enqueue(keyOf(object));
    });
  }

  async #reconcile(at: string): Promise<ReconcileResult | void> {
    const secret = this.#secrets.get(splitKey(at));
    const { client, clock } = this.#context;
    const waitMs = secret === undefined ? undefined : msUntilTokenEnds(secret, clock.nowMs());
    if (secret === undefined || waitMs === undefined) return undefined;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const preconditions = { uid: secret.metadata.uid ?? '' };
    await client
      .delete(resources.secrets, secret.metadata, { preconditions })
      .catch(ignoreNotFound);
    return undefined;
  }
}
