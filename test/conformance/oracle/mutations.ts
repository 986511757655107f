/**
 * Changes of one field at a time to a valid object: what a validator is asked about. Pure; a mutation's name and path
 * identify it in recorded answers.
 */

import { longText } from './answers.js';

/** A place in an object: names of fields and indexes of lists. */
export type Path = readonly (string | number)[];

/** One change of one field. */
export interface Mutation {
  readonly path: Path;
  readonly name: string;
  /** What is put in. */
  readonly value: unknown;
  /** The changed object. */
  apply(): unknown;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Stands for the removal of the field. */
const removed = Symbol('removed');

type Values = readonly (readonly [name: string, value: unknown])[];

const forAll: Values = [
  ['del', removed],
  ['null', null],
];
const forStrings: Values = [
  ['empty', ''],
  ['bad', 'Bad_Value!'],
  ['long', longText],
  ['dash', '-a'],
  ['slash', 'a/b/c'],
  ['label', 'y'.repeat(64)],
  ['upper', 'A'],
  ['absolute', '/../a'],
  ['number', 5],
];
const forNumbers: Values = [
  ['negative', -1],
  ['zero', 0],
  ['big', 70_000],
  ['2^31', 2 ** 31],
  ['huge', 2 ** 53],
  ['one', 1],
  ['half', 1.5],
  ['text', 'x'],
];
const forLists: Values = [
  ['empty', []],
  ['object', {}],
];
const forObjects: Values = [
  ['empty', {}],
  ['list', []],
];

/** What rich samples are asked besides. */
const moreForStrings: Values = [
  ['space', 'a b'],
  ['star', '*'],
  ['dots', 'a..b.'],
  ['ip', '010.0.0.1'],
  ['cidr', '10.0.0.1/8'],
  ['url', 'http://u:p@h:99999/x?q#f'],
  ['broken', '[%zz'],
  ['control', 'ä\u0001\n'],
  ['sum', '1 + '],
];
/** Values of other types: their answers are long and much alike, and are not recorded. */
const otherTypes: Values = [
  ['flag', true],
  ['texts', ['x']],
  ['fields', { a: 'b' }],
];
const moreForNumbers: Values = [
  ['2^16', 2 ** 16],
  ['max', 2 ** 31 - 1],
];
const moreForLists: Values = [
  ['nulls', [null]],
  ['string', 'x'],
];

/** @returns further values to put in where a value stands */
function moreFor(value: Json, isLive: boolean): Values {
  const others = isLive ? otherTypes : [];
  if (typeof value === 'string') return [...moreForStrings, ...others];
  if (typeof value === 'number') return [...moreForNumbers, ...others];
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    return items.length < 2 ? moreForLists : [...moreForLists, ['reversed', items.toReversed()]];
  }
  if (!isObject(value)) return [];
  return [
    ['string', 'x'],
    ['unknown', { ...value, unknown: 1 }],
  ];
}

function isObject(value: unknown): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valuesFor(value: Json): Values {
  if (typeof value === 'string') return forStrings;
  if (typeof value === 'number') return forNumbers;
  if (typeof value === 'boolean') {
    return [
      ['other', !value],
      ['text', 'x'],
    ];
  }
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    return items.length === 0 ? forLists : [...forLists, ['twice', [...items, items[0]]]];
  }
  if (!isObject(value)) return [];
  const texts = Object.keys(value).length > 0 && Object.values(value).every(isText);
  return texts ? [...forObjects, ['badKey', { ...value, 'a b': 'c' }]] : forObjects;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** A copy of an object with the value at a path replaced or removed. */
function replaced(object: Json, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(object)) {
    const items: unknown[] = [...(object as readonly Json[])];
    const index = Number(step);
    if (rest.length === 0 && value === removed) items.splice(index, 1);
    else items[index] = replaced(items[index] as Json, rest, value);
    return items;
  }
  const copy: Record<string, unknown> = { ...(object as Record<string, Json>) };
  if (rest.length === 0 && value === removed) delete copy[step];
  else copy[step] = replaced(copy[step] as Json, rest, value);
  return copy;
}

/** Mutations that updates are asked about: the rest is refused as it is in creations. */
const inUpdates = new Set(['del', 'empty', 'bad', 'upper', 'zero', 'big', 'one', 'other', 'twice']);

/** True where an update is asked about a mutation: the name is the path's, and cannot change. */
export function isForUpdate({ path: [top, field], name }: Mutation): boolean {
  return inUpdates.has(name) && (top !== 'metadata' || field !== 'name');
}

/** Fields that say what an object is; they are not changed. */
const kept = new Set(['apiVersion', 'kind', 'status']);

/**
 * All mutations of a sample.
 * @param options.metadata whether fields below metadata are changed too, all or the name alone
 * @param options.status whether only the status is changed; else it never is
 * @param options.more whether many more values are put in: those that are recorded, or all
 */
export function mutationsOf(
  sample: unknown,
  options: {
    readonly metadata: boolean | 'name';
    readonly more?: 'recorded' | 'live' | undefined;
    readonly status?: boolean;
  },
): Mutation[] {
  const found: Mutation[] = [];
  const visit = (value: Json, path: Path): void => {
    const { more: asked } = options;
    const more = asked === undefined ? [] : moreFor(value, asked === 'live');
    for (const [name, next] of path.length === 0 ? [] : [...forAll, ...valuesFor(value), ...more]) {
      found.push({ path, name, value: next, apply: () => replaced(sample as Json, path, next) });
    }
    if (Array.isArray(value)) {
      (value as readonly Json[]).forEach((item, index) => visit(item, [...path, index]));
    } else if (isObject(value)) {
      for (const [key, item] of Object.entries(value)) {
        const isKept =
          path.length === 0 &&
          (options.status === true
            ? key !== 'status'
            : kept.has(key) || (key === 'metadata' && options.metadata === false));
        const isLeftOut =
          options.metadata === 'name' &&
          path.length === 1 &&
          path[0] === 'metadata' &&
          key !== 'name';
        if (!isKept && !isLeftOut) visit(item, [...path, key]);
      }
    }
  };
  visit(sample as Json, []);
  return found;
}

/** A path as Kubernetes writes it in errors: `spec.containers[0].name`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
