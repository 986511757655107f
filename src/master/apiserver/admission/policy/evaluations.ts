/** Evaluates policies and conditions of one request: in the event loop's turns, and beside it where that takes long. */
import { EffortError } from '../../../../api/cel/effort.js';
import type { Effort } from '../../../../api/cel/effort.js';
import type { Access, AccessCheck } from '../../../../api/cel/library/authorizer.js';
import type { RequestData } from './activation.js';
import { dataText, RequestValues } from './activation.js';
import type { Decisions } from './decisions.js';
import { maxQuestions } from './decisions.js';
import type { PolicySource, Verdict } from './evaluate.js';
import { evaluatePolicy } from './evaluate.js';

/** A policy to be evaluated by another thread. */
export interface PolicyWork {
  /** JSON of the policy's name and spec. */
  readonly policy: string;
  /** JSON of the request's data. */
  readonly data: string;
  /** Answers of the authorizer so far, by the question. */
  readonly answers: ReadonlyMap<string, Access>;
}

/** The outcome, or what the authorizer has to be asked before. */
export type PolicyReply = { readonly verdict: Verdict } | { readonly question: AccessCheck };

/** Evaluates policies in their turns, and beside the event loop. */
export interface PolicyTurns {
  /**
   * Does a piece of work in a turn of the event loop that has room for it, with what it may take.
   * @throws EffortError when that is not enough
   */
  inTurn<T>(work: (effort: Effort) => T): Promise<T>;
  /** Evaluates beside the event loop. @throws StatusError 429, 504 */
  judge(user: string, work: PolicyWork): Promise<PolicyReply>;
}

/** The evaluations of one request. */
export class Evaluations {
  readonly #decisions: Decisions;
  readonly #user: string;
  readonly #turns: PolicyTurns | undefined;

  /** @param turns unset: everything is evaluated at once, however long it takes */
  constructor(decisions: Decisions, user: string, turns: PolicyTurns | undefined) {
    this.#decisions = decisions;
    this.#user = user;
    this.#turns = turns;
  }

  /** @throws StatusError 429, 504 */
  async judge(policy: PolicySource, data: RequestData): Promise<Verdict> {
    const turns = this.#turns;
    const values = new RequestValues(data, this.#decisions.decide);
    if (turns === undefined) {
      return this.#decisions.settle(() => evaluatePolicy(policy.compiled(), values.get));
    }
    try {
      return await this.#decisions.settle(() =>
        turns.inTurn((effort) => evaluatePolicy(policy.compiled(effort), values.get, effort)),
      );
    } catch (error) {
      if (!(error instanceof EffortError)) throw error;
    }
    return this.#beside(policy.text, dataText(data), turns);
  }

  async #beside(text: string, data: string, turns: PolicyTurns): Promise<Verdict> {
    for (let question = 0; ; question += 1) {
      const work = { policy: text, data, answers: this.#decisions.known };
      const reply = await turns.judge(this.#user, work);
      if ('verdict' in reply) return reply.verdict;
      if (question >= maxQuestions) throw new Error('a policy asks the authorizer too often');
      await this.#decisions.learn(reply.question);
    }
  }
}
