/** Checks the rules of a definition's schema: their fields, that they compile, and what they may cost. */
import type { DeclType } from '../cel/kube/decl-type.js';
import { declType, maxCardinality } from '../cel/kube/decl-type.js';
import { escapeName } from '../cel/kube/escape.js';
import { estimatedRuleCostLimit, estimatedSchemaCostLimit } from '../cel/limits.js';
import { product } from '../cel/sizes.js';
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { goQuote } from '../go-text/quote.js';
import { isJsonObject } from '../object.js';
import { fieldPathOf } from './rule-path.js';
import type { CompiledRule, ValidationRule } from './rule.js';
import { compileRule, rulesOf } from './rule.js';
import type { JsonSchema } from './structural.js';

const reasons = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];
const maxMessageLength = 2048;
const validations = 'x-kubernetes-validations';

/** The costliest rules are named when all together cost too much: at most four, of one percent each at least. */
const maxNamed = 4;
const leastNamed = estimatedSchemaCostLimit / 100;

/** The place in the schema, and what rules there have to do with. */
interface Place {
  readonly path: FieldPath;
  readonly decl: DeclType | undefined;
  /** How often values may be here in one object; undefined when no schema bounds it. */
  readonly cardinality: number | undefined;
  /** The path of a list above whose items cannot be told apart across an update. */
  readonly uncorrelatable: FieldPath | undefined;
}

/** Adds what is wrong with the rules of a schema; they are compiled only where all else about it holds. */
export function checkRules(
  schema: JsonSchema,
  path: FieldPath,
  { compiles }: { readonly compiles: boolean },
  errors: FieldError[],
): void {
  const before = errors.length;
  checkShapes(schema, path, errors);
  if (!compiles || errors.length > before) return;
  const checks = new RuleChecks(errors);
  const decl = declType({ ...schema, type: 'object' }, true, 'selfType');
  checks.visit(schema, { path, decl, cardinality: 1, uncorrelatable: undefined });
  checks.checkTotal(path);
}

function hasLineBreaks(text: string): boolean {
  return /[\n\r]/.test(text);
}

/** Adds what is wrong with the rules' fields, in all nodes. */
function checkShapes(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const place = child(path, validations);
  rulesOf(schema).forEach((rule, index) => checkShape(schema, rule, at(place, index), errors));
  for (const { part, path: below } of parts(schema, path)) checkShapes(part, below, errors);
}

function checkShape(
  schema: JsonSchema,
  rule: ValidationRule,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const text = (rule.rule ?? '').trim();
  const place = child(path, 'message');
  if (text === '') errors.push(required(child(path, 'rule'), 'rule is not specified'));
  else if (message !== '' && message.trim() === '') {
    errors.push(invalid(place, message, 'message must be non-empty if specified'));
  } else if (message.length > maxMessageLength) {
    const detail = 'message must have a maximum length of 2048 characters';
    errors.push(invalid(place, `${message.slice(0, 10)}...`, detail));
  } else if (hasLineBreaks(message.trim())) {
    errors.push(invalid(place, message, 'message must not contain line breaks'));
  } else if (hasLineBreaks(text) && message.trim() === '') {
    errors.push(required(place, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    const detail = 'messageExpression must be non-empty if specified';
    errors.push(required(child(path, 'messageExpression'), detail));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    errors.push(notSupported(child(path, 'reason'), reason, reasons));
  }
  checkFieldPath(schema, fieldPath, child(path, 'fieldPath'), errors);
}

function checkFieldPath(
  schema: JsonSchema,
  given: string,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (given === '') return;
  if (given.trim() === '') {
    errors.push(invalid(path, given, 'fieldPath must be non-empty if specified'));
  }
  if (hasLineBreaks(given)) {
    errors.push(invalid(path, given, 'fieldPath must not contain line breaks'));
  }
  const found = fieldPathOf(given, schema);
  if (found instanceof Error) errors.push(invalid(path, given, 'fieldPath must be a valid path'));
}

/** A schema below another one; with a name, where it is of a property. */
interface Part {
  readonly part: JsonSchema;
  readonly path: FieldPath;
  readonly name?: string;
}

/** The schemas below a node that data pass through. */
function parts(schema: JsonSchema, path: FieldPath): Part[] {
  const out: Part[] = [];
  const { properties, items, additionalProperties } = schema;
  if (isJsonObject(properties)) {
    for (const [name, field] of Object.entries(properties)) {
      if (!isJsonObject(field)) continue;
      out.push({ part: field, path: at(child(path, 'properties'), name), name });
    }
  }
  if (isJsonObject(items)) out.push({ part: items, path: child(path, 'items') });
  if (isJsonObject(additionalProperties)) {
    out.push({ part: additionalProperties, path: child(path, 'additionalProperties') });
  }
  return out;
}

class RuleChecks {
  readonly #errors: FieldError[];
  readonly #costs: { readonly path: FieldPath; readonly cost: number }[] = [];
  #total = 0;

  constructor(errors: FieldError[]) {
    this.#errors = errors;
  }

  /** Checks the nodes below first, as Kubernetes does. */
  visit(schema: JsonSchema, place: Place): void {
    for (const next of parts(schema, place.path)) {
      this.visit(next.part, below(schema, next, place));
    }
    if (rulesOf(schema).length === 0) return;
    const path = child(place.path, validations);
    const { decl } = place;
    if (decl === undefined) {
      const detail =
        'internal error: failed to retrieve type information for x-kubernetes-validations';
      this.#errors.push({ type: 'InternalError', field: path, body: `Internal error: ${detail}` });
      return;
    }
    rulesOf(schema).forEach((source, index) => {
      const rule = compileRule(source, decl, undefined);
      this.#checkRule(rule, at(path, index), place, maxCardinality(decl));
    });
  }

  #checkRule(rule: CompiledRule, path: FieldPath, place: Place, worst: number): void {
    const { source, error, messageError, message } = rule;
    const rulePath = child(path, 'rule');
    const cost = product(rule.maxCost(), place.cardinality ?? worst);
    this.#checkCost('estimated rule cost', cost, rulePath);
    const shown = goRule(source);
    if (error !== undefined) this.#errors.push(goInvalid(rulePath, shown, error));
    const messagePath = child(path, 'messageExpression');
    if (messageError !== undefined) {
      this.#errors.push(goInvalid(messagePath, shown, messageError));
    } else if (message !== undefined) {
      this.#checkCost('estimated messageExpression cost', rule.messageMaxCost(), messagePath);
    }
    if (rule.usesOldSelf) {
      if (place.uncorrelatable === undefined) return;
      const detail =
        'oldSelf cannot be used on the uncorrelatable portion of the schema within ' +
        place.uncorrelatable;
      this.#errors.push(invalid(rulePath, source.rule, detail));
    } else if (source.optionalOldSelf !== undefined) {
      const detail = 'may not be set if oldSelf is not used in rule';
      this.#errors.push(invalid(child(path, 'optionalOldSelf'), source.optionalOldSelf, detail));
    }
  }

  #checkCost(name: string, cost: number, path: FieldPath): void {
    if (cost > estimatedRuleCostLimit) {
      this.#errors.push(forbidden(path, costText(name, cost, estimatedRuleCostLimit)));
    }
    this.#total = Math.min(this.#total + cost, Number.MAX_VALUE);
    if (cost >= leastNamed) this.#costs.push({ path, cost });
  }

  checkTotal(path: FieldPath): void {
    if (this.#total <= estimatedSchemaCostLimit) return;
    const named = this.#costs.sort((a, b) => b.cost - a.cost).slice(0, maxNamed);
    const detail =
      'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
    for (const one of named) this.#errors.push(forbidden(one.path, detail));
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    this.#errors.push(forbidden(path, costText(name, this.#total, estimatedSchemaCostLimit)));
  }
}

function below(schema: JsonSchema, { part, path, name }: Part, place: Place): Place {
  const isItems = name === undefined && part === schema['items'];
  const isProperty = name !== undefined;
  const escaped = isProperty ? escapeName(name) : undefined;
  let decl = isProperty ? place.decl?.fields?.get(escaped ?? '') : place.decl?.elem;
  if (isProperty && escaped === undefined) {
    // No expression can write this name, but the property has rules of its own all the same.
    decl = declType(part, part['x-kubernetes-embedded-resource'] === true, 'selfType');
  }
  const most = isItems ? schema['maxItems'] : schema['maxProperties'];
  const count = isProperty ? 1 : typeof most === 'number' ? Math.max(0, most) : undefined;
  const cardinality =
    count === undefined || place.cardinality === undefined
      ? undefined
      : product(place.cardinality, count);
  const isFree = isItems && schema['x-kubernetes-list-type'] !== 'map';
  return {
    path,
    decl,
    cardinality,
    uncorrelatable: place.uncorrelatable ?? (isFree ? place.path : undefined),
  };
}

function costText(name: string, cost: number, limit: number): string {
  const times = cost / limit;
  const factor =
    times > 100 ? 'more than 100x' : times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`;
  return (
    `${name} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, ` +
    'maxProperties, and maxLength where arrays, maps, and strings are declared)'
  );
}

/** Go's `%#v` of a rule. */
function goRule(rule: ValidationRule): string {
  const text = (value: string | undefined): string => goQuote(value ?? '');
  const pointer = (type: string, value: unknown): string =>
    `(*${type})(${value === undefined ? 'nil' : '0xc000000000'})`;
  return (
    `apiextensions.ValidationRule{Rule:${text(rule.rule)}, Message:${text(rule.message)}, ` +
    `MessageExpression:${text(rule.messageExpression)}, ` +
    `Reason:${pointer('apiextensions.FieldValueErrorReason', rule.reason)}, ` +
    `FieldPath:${text(rule.fieldPath)}, OptionalOldSelf:${pointer('bool', rule.optionalOldSelf)}}`
  );
}

function goInvalid(field: FieldPath, shown: string, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field, body: `Invalid value: ${shown}: ${detail}` };
}
