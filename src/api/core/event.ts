/** Events: stored in the core form, given out in that of events.k8s.io as well. */
import { defineKind } from '../define.js';
import type { KubeObject } from '../object.js';
import { column, nameColumn, orText, since, wide } from '../print/columns.js';
import type { Event } from '../types/core.js';
import { eventSchema, newEventSchema } from './event-schema.js';
import { validateEvent, validateEventUpdate, validateNewEvent } from './event-validation.js';

/** Field names of the two forms: core, events.k8s.io. */
const renamed: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

function rename(object: KubeObject, from: 0 | 1): void {
  const fields = object as unknown as Record<string, unknown>;
  for (const pair of renamed) {
    const [source, target] = from === 0 ? pair : [pair[1], pair[0]];
    if (fields[source] === undefined) continue;
    fields[target] = fields[source];
    delete fields[source];
  }
}

function lastSeen(event: Event): string | undefined {
  return (
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime
  );
}

function objectText(event: Event): string {
  const { kind, name } = event.involvedObject;
  return (kind ?? '') === '' ? (name ?? '') : `${kind?.toLowerCase() ?? ''}/${name ?? ''}`;
}

function sourceText(event: Event): string {
  const component = event.source?.component ?? event.reportingComponent ?? '';
  const host = event.source?.host ?? '';
  return host === '' ? component : `${component}, ${host}`;
}

function count(event: Event): number {
  return event.series?.count ?? event.count ?? 1;
}

const columns = [
  column<Event>('Last Seen', (event, now) => since(lastSeen(event), now)),
  column<Event>('Type', (event) => event.type ?? ''),
  column<Event>('Reason', (event) => event.reason ?? ''),
  column<Event>('Object', objectText),
  wide<Event>('Subobject', (event) => event.involvedObject.fieldPath ?? ''),
  wide<Event>('Source', sourceText),
  column<Event>('Message', (event) => (event.message ?? '').trim()),
  wide<Event>('First Seen', (event, now) => since(event.firstTimestamp ?? event.eventTime, now)),
  wide<Event>('Count', count),
  { ...nameColumn, priority: 1 as const },
];

const fields: Readonly<Record<string, (event: Event) => string>> = {
  'involvedObject.kind': (event) => event.involvedObject.kind ?? '',
  'involvedObject.namespace': (event) => event.involvedObject.namespace ?? '',
  'involvedObject.name': (event) => event.involvedObject.name ?? '',
  'involvedObject.uid': (event) => event.involvedObject.uid ?? '',
  'involvedObject.apiVersion': (event) => event.involvedObject.apiVersion ?? '',
  'involvedObject.resourceVersion': (event) => event.involvedObject.resourceVersion ?? '',
  'involvedObject.fieldPath': (event) => event.involvedObject.fieldPath ?? '',
  reason: (event) => event.reason ?? '',
  reportingComponent: (event) => event.reportingComponent ?? '',
  source: (event) => orText(event.source?.component, event.reportingComponent ?? ''),
  type: (event) => event.type ?? '',
};

const storage = {
  group: '',
  plural: 'events',
  apiVersion: 'v1',
  adopt: (object: KubeObject): void => rename(object, 1),
} as const;

/** core/v1 Event. */
export const eventKind = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  schema: eventSchema,
  nameRule: 'path-segment',
  storage,
  allowCreateOnUpdate: true,
  setDefaults: (event) => {
    (event as Partial<Event>).involvedObject ??= {};
  },
  validate: (event) => validateEvent(event, 'reportingComponent'),
  columns,
  fields,
});

/** events.k8s.io/v1 Event; its hooks see the stored form only in columns and fields. */
export const newEventKind = defineKind<KubeObject>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  schema: newEventSchema,
  storage,
  toStorage: (object) => rename(object, 1),
  fromStorage: (object) => rename(object, 0),
  allowCreateOnUpdate: true,
  validate: (object) => validateEvent(coreForm(object), 'reportingController'),
  validateCreate: (object) => validateNewEvent(coreForm(object)),
  validateUpdate: (object, old) => validateEventUpdate(coreForm(object), coreForm(old)),
  columns: columns.map((item) => ({
    ...item,
    cell: (object: KubeObject, now: number) => item.cell(coreForm(object), now),
  })),
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, read]) => [
      name
        .replace('involvedObject', 'regarding')
        .replace('reportingComponent', 'reportingController'),
      (object: KubeObject) => read(coreForm(object)),
    ]),
  ),
});

/** The object in the core form, whichever form it has. */
function coreForm(object: KubeObject): Event {
  const copy = { involvedObject: {}, ...object };
  rename(copy, 1);
  return copy;
}
