/** Schemas of events: the core form, in which they are stored, and that of events.k8s.io. */
import {
  doc,
  microTime,
  num32,
  req,
  reqValue,
  str,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { objectReference } from './references.js';

const source = struct('core/v1.EventSource', 'Who reported the event.', {
  component: str('Component that reported it.'),
  host: str('Node on which it was reported.'),
});

const seriesFields = {
  count: num32('How often it was seen.'),
};

const text = (description: string) => tuned(str(description), { pointer: true });

/** core/v1 Event. */
export const eventSchema = kindSchema('core/v1.Event', 'Something that happened to an object.', {
  action: str('What was done.'),
  count: num32('How often it happened.'),
  eventTime: microTime('When it was first seen.'),
  firstTimestamp: time('When it first happened.'),
  involvedObject: reqValue(doc('The object it is about.', objectReference)),
  lastTimestamp: time('When it last happened.'),
  message: str('Description for people.'),
  reason: str('Short, machine-readable reason.'),
  related: doc('Another object that is concerned.', objectReference),
  reportingComponent: text('Name of the controller that reported it.'),
  reportingInstance: text('Id of the instance of the controller.'),
  series: struct('core/v1.EventSeries', 'A series of like events.', {
    ...seriesFields,
    lastObservedTime: microTime('When it was last seen.'),
  }),
  source: written(source),
  type: str('Normal or Warning.'),
});

/** events.k8s.io/v1 Event. */
export const newEventSchema = kindSchema(
  'events/v1.Event',
  'Something that happened to an object.',
  {
    action: str('What was done.'),
    deprecatedCount: num32('Count of the core form.'),
    deprecatedFirstTimestamp: time('First time of the core form.'),
    deprecatedLastTimestamp: time('Last time of the core form.'),
    deprecatedSource: written(source),
    eventTime: req(microTime('When it was first seen.')),
    note: str('Description for people.'),
    reason: str('Short, machine-readable reason.'),
    regarding: written(doc('The object it is about.', objectReference)),
    related: doc('Another object that is concerned.', objectReference),
    reportingController: str('Name of the controller that reported it.'),
    reportingInstance: str('Id of the instance of the controller.'),
    series: struct('events/v1.EventSeries', 'A series of like events.', {
      count: req(num32('How often it was seen.')),
      lastObservedTime: req(microTime('When it was last seen.')),
    }),
    type: str('Normal or Warning.'),
  },
);
