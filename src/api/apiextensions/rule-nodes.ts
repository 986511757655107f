/** The parts of a schema that have rules, with the types that these see. */
import type { Effort } from '../cel/effort.js';
import type { DeclType } from '../cel/kube/decl-type.js';
import { declType, withObjectMeta } from '../cel/kube/decl-type.js';
import { escapeName } from '../cel/kube/escape.js';
import { isJsonObject } from '../object.js';
import type { CompiledRule, ValidationRule } from './rule.js';
import { compileRule, rulesOf } from './rule.js';
import type { JsonSchema } from './structural.js';

/** A node of the schema with rules in it or below it. */
export interface RuleNode {
  readonly schema: JsonSchema;
  readonly rules: readonly LazyRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
  readonly allOf: readonly RuleNode[];
}

/** A rule that is compiled when it is first run. */
export class LazyRule {
  readonly source: ValidationRule;
  readonly #decl: DeclType;
  #compiled: CompiledRule | undefined;

  constructor(source: ValidationRule, decl: DeclType) {
    this.source = source;
    this.#decl = decl;
  }

  /** @throws EffortError when it is not compiled yet and too long for what is left */
  compiled(effort: Effort | undefined): CompiledRule {
    return (this.#compiled ??= compileRule(this.source, this.#decl, effort));
  }
}

/** True when a schema has rules anywhere. */
export function hasRules(schema: JsonSchema): boolean {
  if (rulesOf(schema).length > 0) return true;
  const { properties, items, additionalProperties, allOf } = schema;
  const below = [
    ...(isJsonObject(properties) ? Object.values(properties) : []),
    items,
    additionalProperties,
    ...(Array.isArray(allOf) ? (allOf as unknown[]) : []),
  ];
  return below.some((part) => isJsonObject(part) && hasRules(part));
}

/**
 * Returns the node of a schema; undefined when it has no rules.
 * @param rules where rules are read from: a branch of `allOf` perhaps
 * @param schema the one that gives types
 */
export function nodeOf(
  rules: JsonSchema,
  schema: JsonSchema,
  decl: DeclType | undefined,
): RuleNode | undefined {
  if (!hasRules(rules)) return undefined;
  const properties = new Map<string, RuleNode>();
  if (isJsonObject(rules['properties']) && isJsonObject(schema['properties'])) {
    for (const [name, part] of Object.entries(rules['properties'])) {
      const typed = schema['properties'][name];
      if (!isJsonObject(part) || !isJsonObject(typed)) continue;
      const escaped = escapeName(name);
      const isEmbedded = typed['x-kubernetes-embedded-resource'] === true;
      const type =
        escaped === undefined
          ? declType(typed, isEmbedded, 'selfType')
          : decl?.fields?.get(escaped);
      const node = nodeOf(part, isEmbedded ? withObjectMeta(typed) : typed, type);
      if (node !== undefined) properties.set(name, node);
    }
  }
  const below = (name: string): RuleNode | undefined => {
    const [part, typed] = [rules[name], schema[name]];
    if (!isJsonObject(part) || !isJsonObject(typed)) return undefined;
    const isEmbedded = typed['x-kubernetes-embedded-resource'] === true;
    return nodeOf(part, isEmbedded ? withObjectMeta(typed) : typed, decl?.elem);
  };
  const branches = Array.isArray(rules['allOf']) ? (rules['allOf'] as unknown[]) : [];
  return {
    schema,
    rules: decl === undefined ? [] : rulesOf(rules).map((rule) => new LazyRule(rule, decl)),
    properties,
    items: below('items'),
    additional: below('additionalProperties'),
    allOf: branches
      .filter(isJsonObject)
      .map((branch) => nodeOf(branch, schema, decl))
      .filter((node) => node !== undefined),
  };
}
