/** The parameters of operations, each with what it means. */
import type { Verb } from '../kind.js';
import type { OpenApi } from './open-api.js';
import type { SchemaWriter } from './schema.js';

const queryTexts: Readonly<Record<string, readonly [string, string]>> = {
  allowWatchBookmarks: ['boolean', 'Asks for bookmarks in a watch.'],
  continue: ['string', 'Token of the next page.'],
  dryRun: ['string', 'All: nothing is persisted.'],
  fieldManager: ['string', 'Name of who makes the change.'],
  fieldSelector: ['string', 'Restricts the list by fields.'],
  fieldValidation: ['string', 'Ignore, Warn or Strict, for unknown and duplicate fields.'],
  force: ['boolean', 'Takes over fields of other managers; for apply.'],
  gracePeriodSeconds: ['integer', 'Seconds before the object is deleted.'],
  labelSelector: ['string', 'Restricts the list by labels.'],
  limit: ['integer', 'Greatest number of objects in an answer.'],
  orphanDependents: ['boolean', 'Deprecated: use propagationPolicy.'],
  pretty: ['string', 'Indents the answer.'],
  propagationPolicy: ['string', 'Orphan, Background or Foreground.'],
  resourceVersion: ['string', 'How recent the answer must be.'],
  resourceVersionMatch: ['string', 'How resourceVersion is applied.'],
  sendInitialEvents: ['boolean', 'Begins a watch with the present objects.'],
  timeoutSeconds: ['integer', 'Seconds after which the call ends.'],
  watch: ['boolean', 'Asks for changes instead of a list.'],
};
const listQuery = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const writeQuery = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteQuery = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const queries: Readonly<Partial<Record<Verb, readonly string[]>>> = {
  create: writeQuery,
  update: writeQuery,
  patch: [...writeQuery, 'force'],
  delete: deleteQuery,
  list: listQuery,
  deletecollection: [...deleteQuery, ...listQuery.slice(1, -1)],
};

/** One parameter. @param place `path` or `query` */
export function parameter(
  writer: SchemaWriter,
  place: string,
  name: string,
  type: string,
  text: string,
): OpenApi {
  const base = {
    name,
    in: place,
    description: text,
    ...(place === 'path' ? { required: true } : {}),
  };
  const unique = { uniqueItems: true };
  return writer.dialect === 'v2'
    ? { ...base, type, ...unique }
    : { ...base, schema: { type, ...unique } };
}

/** The query parameters of a verb. Custom kinds alone document the version that a GET may ask for. */
export function queryParameters(writer: SchemaWriter, verb: Verb, isCustom: boolean): OpenApi[] {
  const names = verb === 'get' && isCustom ? ['resourceVersion'] : (queries[verb] ?? []);
  return names.map((name) => {
    const [type, text] = queryTexts[name] ?? ['string', ''];
    return parameter(writer, 'query', name, type, text);
  });
}
