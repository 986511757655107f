/**
 * The types of the objects that a policy is about, and which of its expressions do not fit them. A warning changes
 * nothing of what the policy does.
 * @see kubernetes apiserver pkg/admission/plugin/policy/validating/typechecking.go
 */
import { nodeType } from '../cel/kube/node-type.js';
import type { CelType } from '../cel/types.js';
import { types } from '../cel/types.js';
import type { KindDeclaration } from '../kind.js';
import { formatGroupVersion, parseGroupVersion } from '../object.js';
import type { KindRegistry } from '../registry.js';
import { given } from '../schema/node.js';
import type { Scope } from './expressions.js';
import { typeOfExpression } from './expressions.js';
import type { ValidatingAdmissionPolicy } from './policy-schemas.js';

/** Most kinds that one policy is checked with. */
const maxTypes = 10;

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type Rule = NonNullable<NonNullable<Spec['matchConstraints']>['resourceRules']>[number];

/** An expression that does not fit. */
export interface ExpressionWarning {
  readonly fieldRef: string;
  readonly warning: string;
}

/** An expression, to be compiled for one kind. */
export interface TypeCheck {
  readonly fieldRef: string;
  /** Characters that are compiled. */
  readonly length: number;
  /** @returns what is wrong with it */
  readonly run: () => string | undefined;
}

/** Returns the kinds that a policy names, without patterns and subresources, in the order of their names. */
export function typesToCheck({ spec }: ValidatingAdmissionPolicy, kinds: KindRegistry) {
  const found = new Set<KindDeclaration>();
  for (const rule of spec?.matchConstraints?.resourceRules ?? []) {
    let count = 0;
    for (const kind of kindsOf(rule, kinds)) {
      found.add(kind);
      count += 1;
      if (count === maxTypes) return sorted(found);
    }
  }
  return sorted(found);
}

function kindsOf(rule: Rule, kinds: KindRegistry): KindDeclaration[] {
  const { apiGroups = [], apiVersions = [], resources = [] } = given(rule);
  if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) return [];
  const names = resources.filter((resource) => !/[*/]/.test(resource)).toSorted();
  return apiGroups
    .toSorted()
    .flatMap((group) =>
      apiVersions
        .toSorted()
        .flatMap((version) =>
          names.flatMap((name) => kinds.byResource(group, version, name) ?? []),
        ),
    );
}

function sorted(kinds: ReadonlySet<KindDeclaration>): KindDeclaration[] {
  const key = ({ group, version, kind }: KindDeclaration): string =>
    [group, version, kind].join('\0');
  return [...kinds].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Returns the checks of a policy: each expression with each kind. */
export function typeChecks(policy: ValidatingAdmissionPolicy, kinds: KindRegistry): TypeCheck[] {
  const { paramKind, validations = [] } = given(policy.spec ?? {});
  const { group, version } = parseGroupVersion(paramKind?.apiVersion ?? '');
  const params = kinds.byKind(group, version, paramKind?.kind ?? '');
  const scopes = typesToCheck(policy, kinds).map((kind) => new KindScope(policy, kind, params));
  const checks = (fieldRef: string, source: string): TypeCheck[] =>
    scopes.map((scope) => scope.check(fieldRef, source));
  return validations.flatMap((validation, index) => {
    const { expression = '', messageExpression = '' } = given(validation);
    const place = `spec.validations[${index}]`;
    const message =
      messageExpression === '' ? [] : checks(`${place}.messageExpression`, messageExpression);
    return [...checks(`${place}.expression`, expression), ...message];
  });
}

/** The expressions of a policy about one kind; its variables are compiled once. */
class KindScope {
  readonly #policy: ValidatingAdmissionPolicy;
  readonly #kind: KindDeclaration;
  readonly #scope: Scope;
  #whole: Scope | undefined;

  constructor(
    policy: ValidatingAdmissionPolicy,
    kind: KindDeclaration,
    params: KindDeclaration | undefined,
  ) {
    this.#policy = policy;
    this.#kind = kind;
    this.#scope = {
      hasParams: policy.spec?.paramKind !== undefined,
      hasAuthorizer: true,
      object: nodeType(kind.schema, kind.kind),
      params: params === undefined ? undefined : nodeType(params.schema, params.kind),
    };
  }

  check(fieldRef: string, source: string): TypeCheck {
    const variables = this.#policy.spec?.variables ?? [];
    const length = variables.reduce((sum, { expression }) => sum + expression.length, 0);
    return { fieldRef, length: source.length + length, run: () => this.#problem(source) };
  }

  #problem(source: string): string | undefined {
    const type = typeOfExpression(source, (this.#whole ??= this.#withVariables()));
    if (typeof type !== 'string') return undefined;
    const { group, version, kind } = this.#kind;
    const name = group === '' ? `/${version}` : formatGroupVersion(group, version);
    return `${name}, Kind=${kind}: ${type}\n`;
  }

  /** A variable that does not compile may be anything. */
  #withVariables(): Scope {
    const { variables = [] } = this.#policy.spec ?? {};
    if (variables.length === 0) return this.#scope;
    const known = new Map<string, CelType>();
    for (const { name, expression } of variables) {
      const scope = { ...this.#scope, variables: new Map(known) };
      const type = typeOfExpression(expression, scope);
      known.set(name, typeof type === 'string' ? types.dyn : type);
    }
    return { ...this.#scope, variables: known };
  }
}

/** Returns a warning for each expression that has problems, with those of all kinds. */
export function warningsOf(
  problems: readonly { readonly fieldRef: string; readonly problem: string }[],
): ExpressionWarning[] {
  const texts = new Map<string, string[]>();
  for (const { fieldRef, problem } of problems) {
    const own = texts.get(fieldRef);
    if (own === undefined) texts.set(fieldRef, [problem]);
    else own.push(problem);
  }
  return [...texts].map(([fieldRef, own]) => ({ fieldRef, warning: own.join('\n') }));
}
