/** Answers the questions that expressions put to the authorizer, and evaluates anew where an answer takes time. */
import type { Access, AccessCheck, Decide } from '../../../../api/cel/library/authorizer.js';
import type { Attributes } from '../../authz/attributes.js';
import type { Authorization } from '../../authz/authorizers.js';
import type { UserInfo } from '../../registry/types.js';

/** Ends an evaluation that has asked something that is not decided yet. */
class Undecided extends Error {
  override readonly name = 'Undecided';
  readonly answer: Promise<void>;
  constructor(answer: Promise<void>) {
    super('the authorizer has not answered yet');
    this.answer = answer;
  }
}

/** Most questions of one request that are waited for; its cost lets an expression ask two. */
export const maxQuestions = 100;

/** The answers of one request, each asked for once. */
export class Decisions {
  readonly #authorization: Authorization;
  readonly #user: UserInfo;
  readonly #known = new Map<string, Access>();

  constructor(authorization: Authorization, user: UserInfo) {
    this.#authorization = authorization;
    this.#user = user;
  }

  /** The answers so far, by {@link questionKey}. */
  get known(): ReadonlyMap<string, Access> {
    return this.#known;
  }

  readonly decide: Decide = (check) => {
    const key = questionKey(check);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const answer = this.#authorization.decide(attributesOf(check, this.#user));
    if (!(answer instanceof Promise)) {
      this.#known.set(key, answer);
      return answer;
    }
    throw new Undecided(
      answer.then((access) => {
        this.#known.set(key, access);
      }),
    );
  };

  /** Asks the authorizer, and keeps its answer. */
  async learn(check: AccessCheck): Promise<void> {
    const answer = await this.#authorization.decide(attributesOf(check, this.#user));
    this.#known.set(questionKey(check), answer);
  }

  /** Runs what asks, once more for each answer that had to be waited for. */
  async settle<T>(run: () => T | Promise<T>): Promise<T> {
    for (let question = 0; ; question += 1) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof Undecided) || question >= maxQuestions) throw error;
        await error.answer;
      }
    }
  }
}

/** The text by which questions are told apart. */
export function questionKey(check: AccessCheck): string {
  return JSON.stringify(check);
}

function attributesOf(check: AccessCheck, user: UserInfo): Attributes {
  const { serviceAccount, path, verb, group, resource, subresource, namespace, name } = check;
  const asked =
    serviceAccount === undefined
      ? user
      : accountUser(serviceAccount.namespace, serviceAccount.name);
  return {
    user: asked,
    verb,
    isResource: path === undefined,
    group,
    version: path === undefined ? '*' : '',
    resource,
    subresource,
    namespace,
    name,
    path: path ?? '',
  };
}

function accountUser(namespace: string, name: string): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
  };
}
