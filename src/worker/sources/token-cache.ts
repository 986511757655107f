/**
 * Tokens of pods' service accounts, asked for through TokenRequest and bound to the pod. Kept until four fifths of
 * their life are over. @see kubelet pkg/kubelet/token
 */
import { resources } from '../../client/resources.js';
import type { Pod } from '../../api/types/core.js';
import type { TokenRequest } from '../../api/types/policy.js';
import type { ApiClient } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';

interface Entry {
  readonly podUid: string;
  readonly token: Promise<string>;
  renewAtMs: number;
}

/** A token is renewed after a day at the latest, and after this share of its life. */
const renewShare = 0.8;
const renewMsMax = 24 * 3600_000;

/** Tokens of pods' service accounts, renewed before they expire. */
export class TokenCache {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(options: { readonly client: ApiClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /** @throws ApiError */
  async get(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const key = [uid, audience ?? '', expirationSeconds].join('|');
    const known = this.#entries.get(key);
    if (known !== undefined && this.#clock.nowMs() < known.renewAtMs) return known.token;
    const entry: Entry = {
      podUid: uid,
      renewAtMs: Number.POSITIVE_INFINITY,
      token: this.#request(pod, audience, expirationSeconds).then(({ token, expiresMs }) => {
        const lifeMs = expiresMs - this.#clock.nowMs();
        entry.renewAtMs = this.#clock.nowMs() + Math.min(renewMsMax, lifeMs * renewShare);
        return token;
      }),
    };
    this.#entries.set(key, entry);
    try {
      return await entry.token;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  forget(podUid: string): void {
    for (const [key, entry] of this.#entries)
      if (entry.podUid === podUid) this.#entries.delete(key);
  }

  async #request(
    pod: Pod,
    audience: string | undefined,
    expirationSeconds: number,
  ): Promise<{ token: string; expiresMs: number }> {
    const { name, uid = '', namespace = '' } = pod.metadata;
    const account = pod.spec.serviceAccountName ?? 'default';
    const answer = await this.#client.create<TokenRequest>(
      resources.serviceAccounts,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name: account, namespace },
        spec: {
          audiences: audience === undefined || audience === '' ? [] : [audience],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
      { subresource: 'token', name: account },
    );
    const { token = '', expirationTimestamp = '' } = answer.status ?? {};
    if (token === '') throw new Error(`no token was issued for service account "${account}"`);
    const expiresMs = Date.parse(expirationTimestamp);
    const known = Number.isNaN(expiresMs);
    return { token, expiresMs: known ? this.#clock.nowMs() + expirationSeconds * 1000 : expiresMs };
  }
}
