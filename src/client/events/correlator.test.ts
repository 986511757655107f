import { expect, test } from '@jest/globals';
import type { EventSubject, Occurrence } from './correlator.js';
import { EventCorrelator } from './correlator.js';

const pod: EventSubject = { kind: 'Pod', metadata: { namespace: 'a', name: 'web', uid: 'u1' } };
const startMs = Date.parse('2026-01-01T00:00:00Z');

function occurrence(message: string, more: Partial<Occurrence> = {}): Occurrence {
  const base = { component: 'kubelet', type: 'Normal', subject: pod, reason: 'Pulled' } as const;
  return { ...base, message, atMs: startMs, ...more };
}

/** `message xN` of each event that is written for the occurrences, in order; `-` for one that is cut off. */
function told(correlator: EventCorrelator, occurrences: readonly Occurrence[]): string[] {
  return occurrences.map((each) => {
    const event = correlator.correlate(each);
    return event === undefined ? '-' : `${event.message} x${event.count}`;
  });
}

test('equal occurrences are counted by one event', () => {
  const correlator = new EventCorrelator();
  const first = correlator.correlate(occurrence('one'));
  const second = correlator.correlate(occurrence('one', { atMs: startMs + 5000 }));
  expect(second).toEqual({ ...first, count: 2, atMs: startMs + 5000 });
  expect(first?.name).toMatch(/^web\.[0-9a-f]+$/);
});

test.each<[string, Partial<Occurrence>]>([
  ['another message', { message: 'two' }],
  ['another reason', { reason: 'Created' }],
  ['another type', { type: 'Warning' }],
  ['another component', { component: 'scheduler' }],
  ['another container of the pod', { subject: { ...pod, fieldPath: 'spec.containers{b}' } }],
  ['another pod of the name', { subject: { ...pod, metadata: { ...pod.metadata, uid: 'u2' } } }],
])('%s is an event of its own', (_, more) => {
  const correlator = new EventCorrelator();
  const first = correlator.correlate(occurrence('one'));
  const other = correlator.correlate(occurrence('one', more));
  expect(other?.count).toBe(1);
  expect(other?.name).not.toBe(first?.name);
});

test('the tenth message with one reason and all new ones after it are combined', () => {
  const numbered = Array.from({ length: 12 }, (_, n) => occurrence(`try ${n}`));
  const combined = '(combined from similar events): try';
  expect(told(new EventCorrelator(), numbered).slice(8)).toEqual([
    'try 8 x1',
    `${combined} 9 x1`,
    `${combined} 10 x2`,
    `${combined} 11 x3`,
  ]);
});

test('after ten quiet minutes messages are events of their own again', () => {
  const correlator = new EventCorrelator();
  told(
    correlator,
    Array.from({ length: 12 }, (_, n) => occurrence(`try ${n}`)),
  );
  const later = occurrence('try 99', { atMs: startMs + 600_001 });
  expect(told(correlator, [later])).toEqual(['try 99 x1']);
});

test('a source that floods an object is cut off, and what it said is counted', () => {
  const correlator = new EventCorrelator();
  const flood = Array.from({ length: 27 }, () => occurrence('same'));
  expect(told(correlator, flood).slice(24)).toEqual(['same x25', '-', '-']);
  const other = occurrence('same', { component: 'scheduler' });
  const refilled = occurrence('same', { atMs: startMs + 300_000 });
  expect(told(correlator, [other, refilled])).toEqual(['same x1', 'same x28']);
});

test('a clock that goes back gives no tokens and takes none', () => {
  const correlator = new EventCorrelator();
  told(
    correlator,
    Array.from({ length: 25 }, () => occurrence('same')),
  );
  const before = occurrence('same', { atMs: startMs - 3_600_000 });
  expect(told(correlator, [before])).toEqual(['-']);
});

test('a message is cut at 1,024 characters', () => {
  const event = new EventCorrelator().correlate(occurrence('x'.repeat(2000)));
  expect(event?.message).toHaveLength(1024);
});
