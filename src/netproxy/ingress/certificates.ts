/** Certificates for TLS by server name, from Secrets; a changed Secret is used for the next handshake. */
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Logger } from '../../lib/log.js';
import type { Secret } from '../objects.js';
import { resources } from '../objects.js';

interface Loaded {
  readonly version: string;
  readonly context: SecureContext | undefined;
}

const loadedMax = 10_000;

export class Certificates {
  readonly #informers: InformerFactory;
  readonly #log: Logger;
  readonly #loaded = new Map<string, Loaded>();

  constructor(informers: InformerFactory, log: Logger) {
    this.#informers = informers;
    this.#log = log;
  }

  /**
   * Starts to watch a Secret. Each is watched by its name: a node has no business with all the others. The watch lasts
   * as long as the factory.
   */
  follow(namespace: string, name: string): Informer<Secret> {
    const fieldSelector = `metadata.name=${name}`;
    return this.#informers.informer<Secret>(resources.secrets, { namespace, fieldSelector });
  }

  /** undefined: the Secret is absent or unusable. */
  context(namespace: string, name: string): SecureContext | undefined {
    const key = `${namespace}/${name}`;
    const secret = this.follow(namespace, name).get({ namespace, name });
    if (secret === undefined) {
      this.#loaded.delete(key);
      return undefined;
    }
    const version = `${secret.metadata.uid ?? ''}/${secret.metadata.resourceVersion ?? ''}`;
    const present = this.#loaded.get(key);
    if (present?.version === version) return present.context;
    if (this.#loaded.size >= loadedMax) this.#loaded.clear();
    const context = this.#load(secret, key);
    this.#loaded.set(key, { version, context });
    return context;
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
      this.#log.warn({ secret: key, error }, 'the Secret has no usable certificate');
      return undefined;
    }
  }
}
