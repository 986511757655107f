/** The evaluation of rules and policies beside the event loop: both ends of the thread know it. */
import { customValidator } from '../../../api/apiextensions/custom-kind.js';
import type { ValidatingAdmissionPolicy } from '../../../api/admission/policy-schemas.js';
import type { AccessCheck, Decide } from '../../../api/cel/library/authorizer.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { isJsonObject } from '../../../api/object.js';
import { assertNever } from '../../../lib/assert.js';
import type { RequestData } from '../admission/policy/activation.js';
import { RequestValues } from '../admission/policy/activation.js';
import { questionKey } from '../admission/policy/decisions.js';
import type { CompiledPolicy } from '../admission/policy/evaluate.js';
import { compilePolicy, evaluatePolicy } from '../admission/policy/evaluate.js';
import type { PolicyReply, PolicyWork } from '../admission/policy/evaluations.js';
import type { RuleOutcome } from '../registry/validation.js';
import { parseJson } from '../../../lib/json.js';

/** One piece of work. Objects are JSON: it costs the event loop less than a structured clone. */
export type RuleWork =
  | {
      readonly form: 'object';
      /** JSON of the schema in the definition, or the place of a built-in kind. */
      readonly schema: string | Pick<KindDeclaration, 'group' | 'plural' | 'version'>;
      readonly object: string;
      readonly old: string | undefined;
    }
  | (PolicyWork & { readonly form: 'policy' });

/** The outcome of a piece of work. */
export type RuleReply = RuleOutcome | PolicyReply;

/** Compiled schemas and policies that the thread keeps, of each. */
const maxKept = 32;

/** What was made of the latest texts, the oldest first. */
class Kept<T> {
  readonly #byText = new Map<string, T>();
  readonly #make: (value: unknown) => T;

  constructor(make: (value: unknown) => T) {
    this.#make = make;
  }

  get(text: string): T {
    let made = this.#byText.get(text);
    if (made !== undefined) return made;
    made = this.#make(parseJson(text));
    const [oldest] = this.#byText.keys();
    if (this.#byText.size >= maxKept && oldest !== undefined) this.#byText.delete(oldest);
    this.#byText.set(text, made);
    return made;
  }
}

/** Ends an evaluation that asks what has not been answered yet. */
class Unanswered extends Error {
  readonly question: AccessCheck;
  constructor(question: AccessCheck) {
    super('the authorizer has not been asked yet');
    this.question = question;
  }
}

type Validate = NonNullable<KindDeclaration['validate']>;

/** Does pieces of work, one after the other. */
export class RuleWorker {
  readonly #kinds = builtInRegistry();
  readonly #validators = new Kept<Validate>((schema) =>
    customValidator(isJsonObject(schema) ? schema : {}),
  );
  readonly #policies = new Kept<CompiledPolicy>((policy) =>
    compilePolicy(policy as ValidatingAdmissionPolicy),
  );

  run(work: RuleWork): RuleReply {
    switch (work.form) {
      case 'object': {
        const warnings: string[] = [];
        const { schema } = work;
        const validate =
          typeof schema === 'string' ? this.#validators.get(schema) : this.#builtIn(schema);
        const old = work.old === undefined ? undefined : (parseJson(work.old) as KubeObject);
        const errors = validate(parseJson(work.object) as KubeObject, old, warnings);
        return { errors, warnings };
      }
      case 'policy':
        return this.#judge(work);
      default:
        return assertNever(work);
    }
  }

  #builtIn(place: Pick<KindDeclaration, 'group' | 'plural' | 'version'>): Validate {
    const { group, version, plural } = place;
    const validate = this.#kinds.byResource(group, version, plural)?.validate;
    if (validate === undefined) throw new Error(`no validation of ${group}/${version} ${plural}`);
    return validate;
  }

  #judge({ policy, data, answers }: PolicyWork): PolicyReply {
    const decide: Decide = (check) => {
      const answer = answers.get(questionKey(check));
      if (answer === undefined) throw new Unanswered(check);
      return answer;
    };
    const values = new RequestValues(parseJson(data) as RequestData, decide);
    try {
      return { verdict: evaluatePolicy(this.#policies.get(policy), values.get) };
    } catch (error) {
      if (error instanceof Unanswered) return { question: error.question };
      throw error;
    }
  }
}
