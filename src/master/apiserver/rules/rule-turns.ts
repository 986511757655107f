import type { Effort } from '../../../api/cel/effort.js';
import type { Clock } from '../../../lib/clock.js';
import { assert } from '../../../lib/assert.js';
import type { PolicyReply, PolicyTurns, PolicyWork } from '../admission/policy/evaluations.js';
import { Lane } from '../aside/lane.js';
import { Turns } from '../aside/turns.js';
import type { RuleOutcome, RuleSubject, RuleTurns as Rules } from '../registry/validation.js';
import type { RuleReply, RuleWork } from './rule-work.js';
import { formatJson } from '../../../lib/json.js';

/** The characters of a schema; the place of a built-in kind weighs nothing. */
function sizeOf(schema: string | object): number {
  return typeof schema === 'string' ? schema.length : 0;
}

/**
 * The way of rules, policies and match conditions: the event loop evaluates them as long as that takes little of a
 * turn, and a thread does it anew where it takes more.
 */
export class RuleTurns implements Rules, PolicyTurns {
  readonly #lane: Lane<RuleWork, RuleReply>;
  readonly #turns = new Turns();
  readonly #schemas = new WeakMap<object, string>();

  constructor(clock: Clock) {
    this.#lane = new Lane(clock, {
      script: new URL('./rule-thread.js', import.meta.url),
      weigh: (work) =>
        work.form === 'policy'
          ? work.policy.length + work.data.length
          : sizeOf(work.schema) + work.object.length + (work.old?.length ?? 0),
      tooLong: 'the rules took too long to evaluate',
    });
  }

  inTurn<T>(work: (effort: Effort) => T): Promise<T> {
    return this.#turns.run(work);
  }

  async validate(user: string, { kind, object, old }: RuleSubject): Promise<RuleOutcome> {
    const { group, version, plural, definedBy } = kind;
    const reply = await this.#lane.run(user, {
      form: 'object',
      schema: definedBy === undefined ? { group, version, plural } : this.#textOf(definedBy),
      object: formatJson(object),
      old: old === undefined ? undefined : formatJson(old),
    });
    assert('errors' in reply, 'the thread answers what it was asked');
    return reply;
  }

  #textOf(schema: object): string {
    let text = this.#schemas.get(schema);
    if (text === undefined) {
      text = formatJson(schema);
      this.#schemas.set(schema, text);
    }
    return text;
  }

  async judge(user: string, work: PolicyWork): Promise<PolicyReply> {
    const reply = await this.#lane.run(user, { ...work, form: 'policy' });
    assert(!('errors' in reply), 'the thread answers what it was asked');
    return reply;
  }

  /** Ends the thread; whoever waits for it is told so. */
  close(): Promise<void> {
    return this.#lane.close();
  }
}
