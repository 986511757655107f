import { objectKey } from '../../../api/facts/keys.js';
import type { Secret } from '../../../api/types/core.js';
import { formatTime } from '../../../api/facts/time.js';
import { createPrivateKey, createPublicKey, randomUUID, createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import type { JWTPayload } from 'jose';
import type { Clock } from '../../../lib/clock.js';
import { pemBlocks } from '../../../lib/pki/bundle.js';
import type { TlsSource } from '../../../lib/pki/tls-source.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { UserInfo } from '../registry/types.js';
import type { TokenAuthenticator } from './authenticator.js';
import { credentialId } from './authenticator.js';

/** The object that a token is bound to, beside its service account. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

interface KubernetesClaims {
  readonly namespace?: string;
  readonly serviceaccount?: { readonly name?: string; readonly uid?: string };
  readonly pod?: { readonly name?: string; readonly uid?: string };
  readonly secret?: { readonly name?: string; readonly uid?: string };
  readonly node?: { readonly name?: string; readonly uid?: string };
}

/** The keys of tokens. */
export interface ServiceAccountKeys {
  /** PEM of the private key that signs. */
  readonly signingKey: string | Buffer;
  /** PEM of further public keys whose tokens are believed; each may hold several. */
  readonly publicKeys: readonly (string | Buffer)[];
}

/** The same, ready to be used. */
interface LoadedKeys {
  readonly signing: KeyObject;
  readonly algorithm: 'RS256' | 'ES256';
  /** The first one is that of `signing`. */
  readonly verifying: readonly KeyObject[];
}

function loadKeys({ signingKey, publicKeys }: ServiceAccountKeys): LoadedKeys {
  const signing = createPrivateKey(signingKey);
  const algorithm = signing.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
  const further = publicKeys.flatMap(pemBlocks).map((pem) => createPublicKey(pem));
  return { signing, algorithm, verifying: [createPublicKey(signing), ...further] };
}

/** Keys, issuer and audiences of ServiceAccount tokens, and where the objects are that tokens are bound to. */
export interface ServiceAccountTokenOptions {
  readonly issuer: string;
  /** Audiences that this API server answers to; the first one is the default of new tokens. */
  readonly audiences: readonly string[];
  /** Those of now. */
  readonly keys: TlsSource<ServiceAccountKeys>;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
}

const prefix = 'system:serviceaccount:';
/** The issuer of tokens that live in Secrets. */
const legacyIssuer = 'kubernetes/serviceaccount';
/** A pod that is being deleted keeps its token's power so long. */
const deletedGraceMs = 60_000;

/** Signs and checks service account tokens: JWTs bound to the account and, mostly, to a pod. */
export class ServiceAccountTokens implements TokenAuthenticator {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly #watchCache: WatchCache;
  readonly #clock: Clock;
  #keys: LoadedKeys;

  constructor(options: ServiceAccountTokenOptions) {
    this.issuer = options.issuer;
    this.audiences = options.audiences;
    this.#keys = loadKeys(options.keys.current);
    options.keys.onChange((keys) => {
      this.#keys = loadKeys(keys);
    });
    this.#watchCache = options.watchCache;
    this.#clock = options.clock;
  }

  /** Makes a token. @param seconds how long it lives */
  async issue(options: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly audiences: readonly string[];
    readonly seconds: number;
    readonly bound?: BoundObject | undefined;
    readonly node?: { readonly name: string; readonly uid: string } | undefined;
  }): Promise<{ token: string; expiration: string; id: string }> {
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1_000);
    const expires = nowSeconds + options.seconds;
    const id = randomUUID();
    const { bound, node } = options;
    const claims: KubernetesClaims = {
      namespace: options.namespace,
      serviceaccount: { name: options.name, uid: options.uid },
      ...(bound === undefined
        ? {}
        : { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
      ...(node === undefined ? {} : { node }),
    };
    const { signing, algorithm, verifying } = this.#keys;
    const audiences = options.audiences.length > 0 ? options.audiences : this.audiences;
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: algorithm, kid: keyId(verifying[0]) })
      .setAudience([...audiences])
      .setExpirationTime(expires)
      .setIssuedAt(nowSeconds)
      .setIssuer(this.issuer)
      .setJti(id)
      .setNotBefore(nowSeconds)
      .setSubject(`${prefix}${options.namespace}:${options.name}`)
      .sign(signing);
    const expiration = formatTime(expires * 1_000);
    return { token, expiration, id };
  }

  authenticate(token: string): Promise<UserInfo | undefined> {
    return this.verify(token, this.audiences);
  }

  /** The user of a token meant for one of `audiences`; undefined when it is not valid now. */
  async verify(token: string, audiences: readonly string[]): Promise<UserInfo | undefined> {
    return (await this.review(token, audiences))?.user;
  }

  /** The same, with those of `audiences` that the token is meant for. */
  async review(
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] } | undefined> {
    let issuer: string | undefined;
    try {
      issuer = decodeJwt(token).iss;
    } catch {
      return undefined;
    }
    if (issuer === legacyIssuer) {
      // A token without audiences is for this API server.
      const shared = audiences.filter((audience) => this.audiences.includes(audience));
      const user = shared.length === 0 ? undefined : await this.#verifyLegacy(token);
      return user === undefined ? undefined : { user, audiences: shared };
    }
    if (issuer !== this.issuer) return undefined;
    for (const key of this.#keys.verifying) {
      const payload = await this.#check(token, key, audiences);
      if (payload === undefined) continue;
      const meant = [payload.aud ?? []].flat();
      const user = this.#userOf(payload);
      return user && { user, audiences: audiences.filter((audience) => meant.includes(audience)) };
    }
    return undefined;
  }

  /** A token without end that a controller put into a Secret: it lives as long as the Secret holds it. */
  async #verifyLegacy(token: string): Promise<UserInfo | undefined> {
    for (const key of this.#keys.verifying) {
      try {
        const options = { issuer: legacyIssuer, currentDate: new Date(this.#clock.nowMs()) };
        const { payload } = await jwtVerify(token, key, options);
        return this.#legacyUser(payload, token);
      } catch {
        // Another key may have signed it.
      }
    }
    return undefined;
  }

  #legacyUser(payload: JWTPayload, token: string): UserInfo | undefined {
    const claim = (name: string): string => {
      const value = payload[`kubernetes.io/serviceaccount/${name}`];
      return typeof value === 'string' ? value : '';
    };
    const namespace = claim('namespace');
    const name = claim('service-account.name');
    const uid = claim('service-account.uid');
    if (payload.sub !== `${prefix}${namespace}:${name}`) return undefined;
    const key = objectKey({ namespace, name: claim('secret.name') });
    const secret = this.#watchCache.cache('secrets').get(key)?.object<Secret>();
    if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return undefined;
    if (secret.data?.['token'] !== Buffer.from(token).toString('base64')) return undefined;
    if (!this.#lives('serviceaccounts', namespace, { name, uid })) return undefined;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    return { name: `${prefix}${namespace}:${name}`, uid, groups };
  }

  async #check(
    token: string,
    key: KeyObject,
    audiences: readonly string[],
  ): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer: this.issuer,
        audience: [...audiences],
        currentDate: new Date(this.#clock.nowMs()),
      });
      return payload;
    } catch {
      return undefined;
    }
  }

  /** Checks the claims against the objects that live now. */
  #userOf(payload: JWTPayload): UserInfo | undefined {
    const claims = payload['kubernetes.io'] as KubernetesClaims | undefined;
    const namespace = claims?.namespace ?? '';
    const name = claims?.serviceaccount?.name ?? '';
    if (payload.sub !== `${prefix}${namespace}:${name}`) return undefined;
    if (!this.#lives('serviceaccounts', namespace, claims?.serviceaccount)) return undefined;
    const extra: Record<string, string[]> = {};
    if (payload.jti !== undefined) {
      extra[credentialId] = [`JTI=${payload.jti}`];
    }
    if (claims?.pod !== undefined) {
      if (!this.#lives('pods', namespace, claims.pod)) return undefined;
      extra['authentication.kubernetes.io/pod-name'] = [claims.pod.name ?? ''];
      extra['authentication.kubernetes.io/pod-uid'] = [claims.pod.uid ?? ''];
    }
    if (claims?.secret !== undefined && !this.#lives('secrets', namespace, claims.secret)) {
      return undefined;
    }
    if (claims?.node !== undefined) {
      // Beside a pod the node is a remark: the pod's end is the token's.
      if (claims.pod === undefined && !this.#lives('nodes', '', claims.node)) return undefined;
      extra['authentication.kubernetes.io/node-name'] = [claims.node.name ?? ''];
      extra['authentication.kubernetes.io/node-uid'] = [claims.node.uid ?? ''];
    }
    return {
      name: `${prefix}${namespace}:${name}`,
      uid: claims?.serviceaccount?.uid ?? '',
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
      extra,
    };
  }

  #lives(
    resource: string,
    namespace: string,
    reference: { readonly name?: string; readonly uid?: string } | undefined,
  ): boolean {
    if (reference?.name === undefined) return false;
    const key = objectKey({ namespace, name: reference.name });
    const object = this.#watchCache.cache(resource).get(key)?.object();
    if (object === undefined || object.metadata.uid !== reference.uid) return false;
    const deletion = object.metadata.deletionTimestamp;
    return deletion === undefined || Date.parse(deletion) + deletedGraceMs > this.#clock.nowMs();
  }

  /** The key set in the form that OIDC relying parties read. */
  jwks(): { readonly keys: readonly { readonly alg: string }[] } {
    const known = new Map(this.#keys.verifying.map((key) => [keyId(key), key]));
    const keys = [...known.values()].map((key) => ({
      ...key.export({ format: 'jwk' }),
      use: 'sig',
      kid: keyId(key),
      alg: key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256',
    }));
    return { keys };
  }
}

function keyId(key: KeyObject | undefined): string {
  if (key === undefined) return '';
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64url');
}
