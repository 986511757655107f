/** Fields in words, from OpenAPI: pure. */
import { wrap } from '../command/help.js';

/** A schema of OpenAPI 3. */
export interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

/** Schemas by their names. */
export type Schemas = Readonly<Record<string, Schema>>;

/** Where a text is, and in which form. */
export interface ExplainTarget {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly path: readonly string[];
  readonly recursive: boolean;
}

const columnsMax = 76;

/** The schema that a schema refers to, and its own words before those. */
function resolve(
  schemas: Schemas,
  schema: Schema,
): { readonly schema: Schema; readonly words: readonly string[]; readonly name: string } {
  const reference = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
  if (reference === undefined) return { schema, words: [schema.description ?? ''], name: '' };
  const key = reference.slice(reference.lastIndexOf('/') + 1);
  const found = schemas[key] ?? {};
  const name = key.slice(key.lastIndexOf('.') + 1);
  return { schema: found, words: [schema.description ?? '', found.description ?? ''], name };
}

/** `[]Container`, `map[string]string`, `integer`. */
function typeOf(schemas: Schemas, schema: Schema): string {
  const { name, schema: found } = resolve(schemas, schema);
  if (schema.items !== undefined) return `[]${typeOf(schemas, schema.items)}`;
  if (typeof schema.additionalProperties === 'object')
    return `map[string]${typeOf(schemas, schema.additionalProperties)}`;
  return name === '' ? (found.type ?? 'Object') : name;
}

/** What a list or a map holds, all the way down; with the words on the way. */
function inner(
  schemas: Schemas,
  schema: Schema,
): { readonly schema: Schema; readonly words: readonly string[] } {
  const { schema: found, words } = resolve(schemas, schema);
  const held =
    found.items ??
    (typeof found.additionalProperties === 'object' ? found.additionalProperties : undefined);
  if (held === undefined) return { schema: found, words };
  const below = inner(schemas, held);
  return { schema: below.schema, words: [...words, ...below.words] };
}

/** @returns the text; undefined when there is no such kind. @throws Error for a field that is not there */
export function explainText(schemas: Schemas, target: ExplainTarget): string | undefined {
  const root = Object.values(schemas).find((schema) =>
    schema['x-kubernetes-group-version-kind']?.some(
      ({ group, version, kind }) =>
        group === target.group && version === target.version && kind === target.kind,
    ),
  );
  if (root === undefined) return undefined;
  let field: Schema = root;
  for (const name of target.path) {
    const next = inner(schemas, field).schema.properties?.[name];
    if (next === undefined) throw new Error(`field "${name}" does not exist`);
    field = next;
  }
  const { schema, words } = inner(schemas, field);
  const head = [
    ...(target.group === '' ? [] : [`GROUP:      ${target.group}`]),
    `KIND:       ${target.kind}`,
    `VERSION:    ${target.version}`,
    '',
  ];
  const name = target.path.at(-1);
  const title =
    name === undefined
      ? []
      : [`FIELD: ${name} <${typeOf(schemas, field)}>`, ...enumLines(schema, '  '), '', ''];
  const text = words.filter((part) => part !== '').flatMap((part) => indent(part, 4));
  const description = [
    'DESCRIPTION:',
    ...(text.length === 0 ? ['    <empty>'] : [...text, '    ']),
  ];
  const fields =
    schema.properties === undefined
      ? ['']
      : ['FIELDS:', ...fieldLines(schemas, schema, target.recursive, 1, []), ''];
  return `${[...head, ...title, ...description, ...fields].join('\n')}\n`;
}

function enumLines({ enum: values }: Schema, blanks: string): string[] {
  return values === undefined ? [] : [`${blanks}enum: ${values.join(', ')}`];
}

function indent(text: string, blanks: number): string[] {
  return text
    .split('\n')
    .flatMap((line) => wrap(line, columnsMax))
    .map((line) => ' '.repeat(blanks) + line);
}

function fieldLines(
  schemas: Schemas,
  schema: Schema,
  recursive: boolean,
  level: number,
  above: readonly Schema[],
): string[] {
  const names = Object.keys(schema.properties ?? {}).sort();
  return names.flatMap((name) => {
    const field = schema.properties?.[name] ?? {};
    const mark = schema.required?.includes(name) === true ? ' -required-' : '';
    const blanks = ' '.repeat(level * 2);
    const head = `${blanks}${name}\t<${typeOf(schemas, field)}>${mark}`;
    const found = inner(schemas, field);
    const values = enumLines(found.schema, blanks);
    if (!recursive) {
      const { words } = resolve(schemas, field);
      const [text = '<no description>'] = words.filter((part) => part !== '');
      return [head, ...values, ...indent(text, level * 2 + 2), ''];
    }
    // A kind may hold itself (JSON schemas do).
    if (above.includes(found.schema)) return [head];
    return [
      head,
      ...values,
      ...fieldLines(schemas, found.schema, true, level + 1, [...above, found.schema]),
    ];
  });
}
