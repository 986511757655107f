/** Certificates for TLS by server name, from Secrets; a changed Secret is used for the next handshake. */
import { objectKey, splitKey } from '../../api/facts/keys.js';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Secret } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { clientLimits, secretsMax } from './limits.js';

interface Loaded {
  readonly version: string;
  readonly context: SecureContext | undefined;
}

/** The certificates of hosts, from the Secrets that ingresses name; each Secret is watched by itself. */
export class Certificates {
  readonly #informers: InformerFactory;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #followed = new Map<string, Informer<Secret>>();
  readonly #loaded = new Map<string, Loaded>();

  constructor(informers: InformerFactory, clock: Clock, log: Logger) {
    this.#informers = informers;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Watches these Secrets, "namespace/name", and no others. Each is watched by its name: a node has no business with
   * the rest. A Secret that may not be read, or does not exist, concerns its own hosts only.
   */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, informer] of this.#followed) {
      if (keys.has(key)) continue;
      this.#informers.release(informer);
      this.#followed.delete(key);
      this.#loaded.delete(key);
    }
    for (const key of keys) {
      if (this.#followed.has(key)) continue;
      if (this.#followed.size >= secretsMax) {
        this.#log.warn(
          { secret: key, secretsMax },
          'too many certificates; serving the self-signed one',
        );
        return;
      }
      const { namespace, name } = splitKey(key);
      const selection = { namespace, fieldSelector: `metadata.name=${name}` };
      this.#followed.set(key, this.#informers.informer<Secret>(resources.secrets, selection));
    }
  }

  /**
   * The certificate in a Secret, for one handshake. A Secret that has not been read yet, as after a start, is waited
   * for.
   * @returns undefined: the Secret is absent or unusable
   */
  async context(namespace: string, name: string): Promise<SecureContext | undefined> {
    const key = objectKey({ namespace, name });
    const informer = this.#followed.get(key);
    if (informer === undefined) return undefined;
    if (!informer.synced) await this.#waitFor(informer);
    const secret = informer.get({ namespace, name });
    if (secret === undefined) {
      this.#loaded.delete(key);
      return undefined;
    }
    const version = `${secret.metadata.uid ?? ''}/${secret.metadata.resourceVersion ?? ''}`;
    const present = this.#loaded.get(key);
    if (present?.version === version) return present.context;
    const context = this.#load(secret, key);
    this.#loaded.set(key, { version, context });
    return context;
  }

  async #waitFor(informer: Informer<Secret>): Promise<void> {
    const late = new AbortController();
    const cancel = this.#clock.schedule(clientLimits.certificateMs, () => late.abort());
    await informer.whenSynced(late.signal).catch(() => undefined);
    cancel();
  }

  #load(secret: Secret, key: string): SecureContext | undefined {
    const part = (name: string): string | undefined => {
      const text = secret.data?.[name];
      return text === undefined ? undefined : Buffer.from(text, 'base64').toString();
    };
    const cert = part('tls.crt');
    const certKey = part('tls.key');
    try {
      if (cert === undefined || certKey === undefined)
        throw new Error('tls.crt or tls.key missing');
      return createSecureContext({ cert, key: certKey });
    } catch (error) {
      this.#log.warn({ secret: key, error }, 'a Secret has no usable certificate');
      return undefined;
    }
  }
}
