/**
 * The validation of events (Kubernetes' `pkg/apis/core/validation/events.go`): the old rules for all of them, strict
 * ones for what comes through events.k8s.io. Fields have the names of the core form.
 */
import { deepEqual } from '../equal.js';
import type { FieldError } from '../field-error.js';
import { invalid, required } from '../field-error.js';
import { GoSyntax } from '../go-text/syntax.js';
import type { Event } from '../types/core.js';
import { qualifiedNameErrors } from '../validation/names.js';

const maxShortLength = 128;
const maxMessageLength = 1024;

/** The rules for every event. `reporting`: the name of the reporting controller's field in the request's version. */
export function validateEvent(event: Event, reporting: string): FieldError[] {
  const errors: FieldError[] = [];
  // Missing only in a body that the schema's own check has refused already.
  const regarding = (event.involvedObject as Event['involvedObject'] | undefined)?.namespace ?? '';
  if (!isNamespaceRight(event, regarding)) {
    errors.push(invalid('involvedObject.namespace', regarding, 'does not match event.namespace'));
  }
  if (isSet(event.eventTime)) checkReported(event, reporting, errors);
  return errors;
}

function isSet(time: string | null | undefined): boolean {
  return time !== undefined && time !== null;
}

function isNamespaceRight({ metadata, eventTime }: Event, regarding: string): boolean {
  const own = metadata.namespace ?? '';
  if (isSet(eventTime)) return regarding !== '' || own === 'default' || own === 'kube-system';
  return regarding === '' ? own === '' || own === 'default' : own === regarding;
}

/** The rules for events with an `eventTime`. */
function checkReported(event: Event, reporting: string, errors: FieldError[]): void {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '' } = event;
  if (reportingComponent === '') errors.push(required(reporting));
  for (const text of qualifiedNameErrors(reportingComponent)) {
    errors.push(invalid(reporting, reportingComponent, text));
  }
  for (const [name, value] of Object.entries({ reportingInstance, action, reason })) {
    if (value === '') errors.push(required(name));
    if (Buffer.byteLength(value) > maxShortLength) errors.push(tooLong(name, maxShortLength));
  }
  if (Buffer.byteLength(event.message ?? '') > maxMessageLength) {
    errors.push(tooLong('message', maxMessageLength));
  }
}

function tooLong(name: string, length: number): FieldError {
  return invalid(name, '', `can have at most ${length} characters`);
}

function checkSeries({ series }: Event, errors: FieldError[]): void {
  if (series === undefined) return;
  if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'));
  if (!isSet(series.lastObservedTime)) errors.push(required('series.lastObservedTime'));
}

/** The further rules for an event that is made through events.k8s.io. */
export function validateNewEvent(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  checkSeries(event, errors);
  if (!isSet(event.eventTime)) errors.push(required('eventTime'));
  const { type = '', source } = event;
  if (type !== 'Normal' && type !== 'Warning') {
    errors.push(invalid('type', '', `has invalid value: ${type}`));
  }
  const unwanted = {
    firstTimestamp: isSet(event.firstTimestamp),
    lastTimestamp: isSet(event.lastTimestamp),
    count: (event.count ?? 0) !== 0,
    source: (source?.component ?? '') !== '' || (source?.host ?? '') !== '',
  };
  for (const [name, isThere] of Object.entries(unwanted)) {
    if (isThere) errors.push(invalid(name, '', 'needs to be unset'));
  }
  return errors;
}

/** Fields that no update through events.k8s.io changes, in the order of their errors. */
const fixed = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const;

/** The further rules for an update through events.k8s.io: it may change nothing but the series. */
export function validateEventUpdate(next: Event, old: Event): FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(next.series, old.series)) checkSeries(next, errors);
  for (const name of fixed) {
    if (deepEqual(present(next[name]), present(old[name]))) continue;
    const shown = name === 'reportingComponent' ? 'reportingController' : name;
    errors.push(invalid(shown, shownValue(name, next[name]), 'field is immutable'));
  }
  return errors;
}

/** Times and texts that are not set are shown as Go's. */
function shownValue(name: (typeof fixed)[number], value: unknown): unknown {
  if (value !== undefined && value !== null) return value;
  if (name === 'related') return null;
  return name === 'eventTime' ? new GoSyntax('0001-01-01 00:00:00 +0000 UTC') : '';
}

/** A value without what says nothing, as Go has it. */
function present(value: unknown): unknown {
  const isEmpty = value === '' || value === 0 || value === null || deepEqual(value, {});
  return isEmpty ? undefined : value;
}
