/**
 * Decides who may use a component's HTTP door by asking the API server, as kube-scheduler and kubelet do: client
 * certificates name their user, tokens are reviewed, and each user's right is.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../api/object.js';
import type { Clock } from '../../lib/clock.js';
import { addressKey } from '../../lib/connection-gate.js';
import { errorMessage } from '../../lib/errors.js';
import { FailureLimiter } from '../../lib/failure-limiter.js';
import type { PeerCertificate } from '../../lib/grpc/index.js';
import { Places } from '../../lib/places.js';
import { resources } from '../resources.js';
import type { ApiClient, ResourceId } from '../types.js';
import {
  reviewMs,
  reviewsAtOnce,
  reviewsKept,
  reviewsOfAddressAtOnce,
  tokenBytesMax,
} from './limits.js';
import { Memory } from './memory.js';

/** The sender of a request, as a SubjectAccessReview takes it. */
export interface DoorUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** All that a request shows of its sender. */
export interface DoorCredentials {
  readonly certificate: PeerCertificate | undefined;
  /** The `Authorization` header, or empty. */
  readonly authorization: string;
  /** The sender's address, by which guesses of tokens are counted. */
  readonly address: string | undefined;
}

/** What a user wants: a path, or something of a resource of the API. */
export type DoorAttributes =
  | { readonly verb: string; readonly path: string }
  | {
      readonly verb: string;
      readonly resource: string;
      readonly subresource: string;
      readonly name: string;
    };

/** A request that is let in no further. */
export class DoorRefusal extends Error {
  override readonly name = 'DoorRefusal';
  readonly code = 'DOOR_REFUSAL';
  /** 401: nobody knows who asks; 403: he may not; 429: too many ask at once; 500: the API server did not say. */
  readonly status: 401 | 403 | 429 | 500;

  constructor(
    status: DoorRefusal['status'],
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.status = status;
  }
}

/** True for a {@link DoorRefusal}. */
export function isDoorRefusal(error: unknown): error is DoorRefusal {
  return error instanceof Error && error.name === 'DoorRefusal';
}

/** For how long answers hold, in milliseconds. */
export interface AccessTimes {
  readonly tokenMs: number;
  readonly allowedMs: number;
  readonly refusedMs: number;
}

/** kube-scheduler's and kube-controller-manager's times (`--authorization-webhook-cache-…`). */
export const componentTimes: AccessTimes = {
  tokenMs: 10_000,
  allowedMs: 10_000,
  refusedMs: 10_000,
};
/** kubelet's. */
export const agentTimes: AccessTimes = { tokenMs: 120_000, allowedMs: 300_000, refusedMs: 30_000 };

/** The dependencies of {@link DelegatedAccess}. */
export interface AccessOptions {
  readonly client: Pick<ApiClient, 'create'>;
  readonly clock: Clock;
  readonly times: AccessTimes;
  /** Requests without credentials have a user as well. */
  readonly allowAnonymous: boolean;
}

/** A question that somebody at an address causes. */
interface Asker {
  readonly address: string | undefined;
}

const authenticated = 'system:authenticated';
const anonymous: DoorUser = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
/** May do everything without a review: the API server's own client certificate is of it, and no request leads to it. */
const superusers = 'system:masters';

/** A question to the API server, which answers in its status. */
type Question<Status> = KubeObject & { readonly spec: object; readonly status?: Status };

interface WhoAnswer {
  readonly authenticated?: boolean;
  readonly user?: Partial<DoorUser>;
}

const tokenReviews = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' };

/** Asks the API server who somebody is and what he may do, and remembers the answers for a while. */
export class DelegatedAccess {
  readonly #options: AccessOptions;
  /** By address: tokens that are nobody's, and paths that nobody may use without one. */
  readonly #guesses: FailureLimiter;
  readonly #strolls: FailureLimiter;
  /** By the token's hash; null: nobody's. */
  readonly #users: Memory<DoorUser | null>;
  /** By the hash of user and wish, which may be long. */
  readonly #rights: Memory<boolean>;
  readonly #askingWho = new Map<string, Promise<DoorUser | null>>();
  readonly #askingWhat = new Map<string, Promise<boolean>>();
  /** By address. */
  readonly #places = new Places({ total: reviewsAtOnce, perKey: reviewsOfAddressAtOnce });

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#guesses = new FailureLimiter(options.clock);
    this.#strolls = new FailureLimiter(options.clock);
    this.#users = new Memory(options.clock, reviewsKept);
    this.#rights = new Memory(options.clock, reviewsKept);
  }

  /** Finds out who asks. @throws DoorRefusal 401, 429 */
  async userOf({ certificate, authorization, address }: DoorCredentials): Promise<DoorUser> {
    if (certificate !== undefined && certificate.commonName !== '') {
      const { commonName: username, organizations } = certificate;
      return { username, groups: [...new Set([...organizations, authenticated])] };
    }
    const token = /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
    if (token === '') {
      if (this.#options.allowAnonymous && authorization === '') return anonymous;
      throw new DoorRefusal(401, 'Unauthorized');
    }
    const guesser = addressKey(address);
    if (!this.#guesses.allows(guesser))
      throw new DoorRefusal(429, 'too many tokens that are not valid');
    const user = token.length > tokenBytesMax ? null : await this.#tokenUser(token, address);
    if (user !== null) return user;
    this.#guesses.failed(guesser);
    throw new DoorRefusal(401, 'Unauthorized');
  }

  /** @throws DoorRefusal 403; 429; 500 when the API server did not say */
  async mustBeAllowed(
    user: DoorUser,
    attributes: DoorAttributes,
    { address }: Asker,
  ): Promise<void> {
    if (user.groups?.includes(superusers) === true) return;
    const key = hashOf(JSON.stringify([user, attributes]));
    const isAllowed =
      this.#rights.get(key) ??
      (await once(this.#askingWhat, key, () => this.#right(key, user, attributes, address)));
    if (!isAllowed) throw new DoorRefusal(403, 'Forbidden');
  }

  /** Asks what is not known. Who shows nothing may not have the API server asked about one path after the other. */
  async #right(
    key: string,
    user: DoorUser,
    attributes: DoorAttributes,
    address: string | undefined,
  ): Promise<boolean> {
    const stroller = addressKey(address);
    if (user === anonymous && !this.#strolls.allows(stroller)) {
      throw new DoorRefusal(429, 'too many requests without a token');
    }
    const isAllowed = await this.#reviewAccess(user, attributes, address);
    if (user === anonymous && !isAllowed) this.#strolls.failed(stroller);
    const { allowedMs, refusedMs } = this.#options.times;
    this.#rights.set(key, isAllowed, isAllowed ? allowedMs : refusedMs);
    return isAllowed;
  }

  async #tokenUser(token: string, address: string | undefined): Promise<DoorUser | null> {
    const key = hashOf(token);
    const known = this.#users.get(key);
    if (known !== undefined) return known;
    return once(this.#askingWho, key, () => this.#reviewToken(key, token, address));
  }

  async #reviewToken(
    key: string,
    token: string,
    address: string | undefined,
  ): Promise<DoorUser | null> {
    const metadata = { name: '' };
    const review: Question<WhoAnswer> = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata,
      spec: { token },
    };
    let status: WhoAnswer | undefined;
    try {
      ({ status } = await this.#ask(tokenReviews, review, address));
    } catch (error) {
      if (isDoorRefusal(error)) throw error;
      // As kube's: who cannot be asked about is nobody. The next request asks again.
      throw new DoorRefusal(401, 'Unauthorized', { cause: error });
    }
    const { username, uid, groups = [], extra } = status?.user ?? {};
    const isKnown = status?.authenticated === true && username !== undefined && username !== '';
    const user = isKnown
      ? { username, groups, ...(uid !== undefined && { uid }), ...(extra && { extra }) }
      : null;
    this.#users.set(key, user, this.#options.times.tokenMs);
    return user;
  }

  async #reviewAccess(
    user: DoorUser,
    attributes: DoorAttributes,
    address: string | undefined,
  ): Promise<boolean> {
    const { username, ...rest } = user;
    const wanted =
      'path' in attributes
        ? { nonResourceAttributes: attributes }
        : { resourceAttributes: { group: '', version: 'v1', ...attributes } };
    const review: Question<{ readonly allowed?: boolean }> = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: { user: username, ...rest, ...wanted },
    };
    try {
      const { status } = await this.#ask(resources.accessReviews, review, address);
      return status?.allowed === true;
    } catch (error) {
      if (isDoorRefusal(error)) throw error;
      throw new DoorRefusal(500, errorMessage(error), { cause: error });
    }
  }

  /** One address has no more than its part of the reviews that are under way, so that others are still answered. */
  async #ask<T extends KubeObject>(
    resource: ResourceId,
    review: T,
    address: string | undefined,
  ): Promise<T> {
    const asker = addressKey(address);
    if (this.#places.lacks(asker) !== undefined) throw new DoorRefusal(429, 'too many requests');
    return this.#places.during(asker, () =>
      this.#options.client.create<T>(resource, review, { deadlineMs: reviewMs }),
    );
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** The work that is under way for a key, for all who want it at the same time; else it begins. */
function once<T>(
  underWay: Map<string, Promise<T>>,
  key: string,
  begin: () => Promise<T>,
): Promise<T> {
  let work = underWay.get(key);
  if (work === undefined) {
    work = begin().finally(() => underWay.delete(key));
    underWay.set(key, work);
  }
  return work;
}
