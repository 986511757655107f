import { describe, expect, test } from '@jest/globals';
import { placeOf, placeQuery, placeText, revisionIn, timeLineOf } from './time-line.js';

const at = (time: string): number => Date.parse(time) / 1000;
const nowMs = Date.parse('2026-01-01T12:00:05Z');
const span = {
  revision: '900',
  time: '2026-01-01T12:00:00Z',
  oldest: { revision: '100', time: '2026-01-01T11:00:00.500Z' },
};

describe('the slider', () => {
  test('goes from the first whole second that is kept to now', () => {
    const line = timeLineOf(span, nowMs);
    expect(line).toEqual({
      unit: 'seconds',
      least: at('2026-01-01T11:00:01Z'),
      most: at('2026-01-01T12:00:05Z'),
    });
  });

  test('goes to the present where our clock is behind', () => {
    expect(timeLineOf(span, Date.parse('2026-01-01T10:00:00Z')).most).toBe(
      at('2026-01-01T12:00:00Z'),
    );
  });

  test.each([
    ['the oldest has no time', { ...span, oldest: { revision: '100' } }, 900],
    ['the present has none', { revision: '900', oldest: span.oldest }, 900],
    ['there is one revision', { revision: '100', oldest: { revision: '100' } }, 100],
  ])('goes by revisions where %s', (_, told, most) => {
    expect(timeLineOf(told, nowMs)).toEqual({ unit: 'revisions', least: 100, most });
  });
});

describe('a place', () => {
  const line = timeLineOf(span, nowMs);
  const byRevision = timeLineOf({ revision: '900', oldest: { revision: '100' } }, nowMs);

  test.each([
    ['2026-01-01T11:30:00Z', '2026-01-01T11:30:00Z'],
    ['2026-01-01T11:30:00.9Z', '2026-01-01T11:30:00Z'],
    ['2026-01-01T09:00:00Z', '2026-01-01T11:00:01Z'],
    ['2026-01-01T13:00:00Z', '2026-01-01T12:00:05Z'],
    [undefined, '2026-01-01T12:00:05Z'],
  ])('of %s is %s', (time, place) => {
    const moment = time === undefined ? { revision: '5' } : { revision: '5', time };
    expect(placeOf(line, moment)).toBe(at(place));
  });

  test('of a revision is itself, within what is kept', () => {
    expect(['50', '500', '5000'].map((revision) => placeOf(byRevision, { revision }))).toEqual([
      100, 500, 900,
    ]);
  });

  test('says when it is', () => {
    expect(placeText(line, at('2026-01-01T11:30:00Z'), nowMs)).toBe('11:30:00 UTC, 30m ago');
    expect(placeText(line, line.most, nowMs)).toBe('now');
    expect(placeText(byRevision, 500, nowMs)).toBe('revision 500');
    expect(placeText(byRevision, 900, nowMs)).toBe('now');
  });

  test('is asked for by its time, or is the revision', () => {
    expect(placeQuery(line, at('2026-01-01T11:30:00Z'))).toBe('at=2026-01-01T11%3A30%3A00Z');
    expect(placeQuery(byRevision, 500)).toBeUndefined();
  });
});

test.each([
  ['12', '12'],
  ['0', undefined],
  ['012', undefined],
  ['1e3', undefined],
  ['-1', undefined],
  ['1&watch=true', undefined],
  ['12345678901234567', undefined],
  [undefined, undefined],
])('the revision in %j is %j', (text, revision) => {
  expect(revisionIn(text)).toBe(revision);
});
