/**
 * `ConversionReview` of apiextensions.k8s.io: what a webhook is asked, and which answers count. The rules and the texts
 * are those of apiextensions-apiserver's webhook converter. Pure.
 */
import { parseJson } from '../../lib/json.js';
import { cloneJson } from '../clone.js';
import type { FieldError } from '../field-error.js';
import { goType } from '../go-text/values.js';
import type { KubeObject } from '../object.js';
import { isJsonObject, parseGroupVersion, textOf } from '../object.js';
import { areAnnotations, areLabels } from '../validation/checks.js';

const group = 'apiextensions.k8s.io';

/** The question of a review. */
export interface ReviewQuestion {
  readonly uid: string;
  /** The version that the objects are wanted in, with its group. */
  readonly desiredApiVersion: string;
  /** At least one; none of them is in the desired version. */
  readonly objects: readonly KubeObject[];
}

/** An answer that does not count, or none. The message is what the client is told. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
  readonly code = 'CONVERSION_FAILED';
}

/** The version of ConversionReview to speak: the first one of the webhook's that is known. @throws ConversionError */
export function reviewVersion(versions: readonly string[]): string {
  const known = versions.find((version) => version === 'v1' || version === 'v1beta1');
  if (known === undefined) throw new ConversionError('no supported conversion review versions');
  return known;
}

/** The body of the webhook's request. */
export function reviewBody(version: string, question: ReviewQuestion): object {
  return {
    kind: 'ConversionReview',
    apiVersion: `${group}/${version}`,
    request: {
      uid: question.uid,
      desiredAPIVersion: question.desiredApiVersion,
      objects: question.objects,
    },
  };
}

/** The subject of an error: the group, version and kind of what was to be converted. */
export function conversionSubject({ apiVersion, kind }: KubeObject): string {
  return `conversion webhook for ${apiVersion}, Kind=${kind}`;
}

/**
 * The converted objects of an answer, in the order of the question's; new ones.
 * @throws ConversionError for an answer that breaks a rule
 */
export function readReview(version: string, question: ReviewQuestion, text: string): KubeObject[] {
  const [first] = question.objects;
  const subject = first === undefined ? 'conversion webhook' : conversionSubject(first);
  let converted: readonly unknown[];
  try {
    converted = convertedObjects(version, question.uid, text);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new ConversionError(`${subject} failed: ${error.message}`, { cause: error });
  }
  const expected = question.objects.length;
  if (converted.length !== expected) {
    throw new ConversionError(
      `${subject} returned ${converted.length} objects, expected ${expected}`,
    );
  }
  return question.objects.map((original, index) => {
    const place = expected === 1 ? 'at index 0' : `at index ${index}`;
    const single = expected === 1;
    return restored(original, converted[index], { subject, place, single, question });
  });
}

function convertedObjects(version: string, uid: string, text: string): readonly unknown[] {
  let review: unknown;
  try {
    review = parseJson(text);
  } catch (error) {
    throw new ConversionError(`couldn't get version/kind; json parse error: ${String(error)}`);
  }
  if (!isJsonObject(review)) throw new ConversionError('no response provided');
  const { response } = review;
  if (version === 'v1') {
    const { group: of, version: given } = parseGroupVersion(textOf(review, 'apiVersion'));
    const kind = textOf(review, 'kind');
    if (kind !== 'ConversionReview' || of !== group || given !== version) {
      throw new ConversionError(
        `expected webhook response of ${group}/${version}, Kind=ConversionReview, ` +
          `got ${of}/${given}, Kind=${kind}`,
      );
    }
    if (!isJsonObject(response)) throw new ConversionError('no response provided');
    const answered = textOf(response, 'uid');
    if (answered !== uid) {
      const [want, got] = [JSON.stringify(uid), JSON.stringify(answered)];
      throw new ConversionError(`expected response.uid=${want}, got ${got}`);
    }
  }
  if (!isJsonObject(response)) throw new ConversionError('no response provided');
  const result = isJsonObject(response['result']) ? response['result'] : {};
  const status = textOf(result, 'status');
  if (status !== 'Success') {
    const message = textOf(result, 'message');
    const plain = `response.result.status was '${status}', not 'Success'`;
    throw new ConversionError(message === '' ? plain : message);
  }
  const { convertedObjects: objects } = response;
  return Array.isArray(objects) ? (objects as readonly unknown[]) : [];
}

interface Place {
  readonly subject: string;
  readonly place: string;
  /** The review has one object: then the texts are others. */
  readonly single: boolean;
  readonly question: ReviewQuestion;
}

/** The converted object with the original's metadata; labels and annotations are the webhook's. */
function restored(original: KubeObject, converted: unknown, at: Place): KubeObject {
  const { subject, place, single, question } = at;
  const noun = single ? 'object' : 'converted object';
  const object = isJsonObject(converted) ? converted : {};
  const wanted = question.desiredApiVersion;
  const given = textOf(object, 'apiVersion');
  if (given !== wanted) {
    const detail = `invalid groupVersion (expected ${wanted}, received ${given})`;
    throw new ConversionError(`${subject} returned invalid ${noun} ${place}: ${detail}`);
  }
  const kind = textOf(object, 'kind');
  if (kind !== original.kind) {
    const detail = `invalid kind (expected ${original.kind}, received ${kind})`;
    throw new ConversionError(`${subject} returned invalid ${noun} ${place}: ${detail}`);
  }
  const changed = changedIdentity(original, object['metadata']);
  if (changed !== undefined) {
    const where = single ? '' : ` ${place}`;
    throw new ConversionError(`${subject} returned invalid ${noun}${where}: ${changed}`);
  }
  try {
    const metadata = restoredMetadata(original, object);
    return { ...object, metadata };
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    const where = single ? '' : ` in object ${place}`;
    throw new ConversionError(`${subject} returned invalid metadata${where}: ${error.message}`);
  }
}

const identity: readonly (readonly [string, 'name' | 'namespace' | 'uid'])[] = [
  ['name', 'name'],
  ['namespace', 'namespace'],
  ['UID', 'uid'],
];

function changedIdentity(original: KubeObject, metadata: unknown): string | undefined {
  const given = isJsonObject(metadata) ? metadata : {};
  for (const [word, field] of identity) {
    const [before, after] = [original.metadata[field] ?? '', textOf(given, field)];
    if (before !== after) return `must have the same ${word}: ${before} != ${after}`;
  }
  return undefined;
}

function restoredMetadata(
  original: KubeObject,
  converted: Readonly<Record<string, unknown>>,
): KubeObject['metadata'] {
  const given = converted['metadata'];
  if (given === undefined) throw new ConversionError('missing metadata in converted object');
  if (!isJsonObject(given)) {
    throw new ConversionError(`invalid metadata of type ${goType(given)} in converted object`);
  }
  const metadata = cloneJson(original.metadata);
  for (const field of ['labels', 'annotations'] as const) {
    const value = given[field];
    if (value === undefined || value === null) delete metadata[field];
    else metadata[field] = textsOf(field, value);
  }
  return metadata;
}

function textsOf(field: 'labels' | 'annotations', value: unknown): Record<string, string> {
  if (!isJsonObject(value)) {
    const type = goType(value);
    throw new ConversionError(`invalid metadata.${field} of type ${type} in converted object`);
  }
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      const detail = `must be a string, but is ${goType(text)} in converted object`;
      throw new ConversionError(`metadata.${field}[${key}] ${detail}`);
    }
    texts[key] = text;
  }
  const errors: FieldError[] = [];
  // The real one names the path of annotations in the singular.
  if (field === 'labels') areLabels(texts, 'metadata.labels', errors);
  else areAnnotations(texts, 'metadata.annotation', errors);
  if (errors.length > 0) {
    const lines = errors.map((error) => `${error.field}: ${error.body}`);
    throw new ConversionError(lines.length === 1 ? lines.join() : `[${lines.join(', ')}]`);
  }
  return texts;
}
