/** The past as a slider: where it begins and ends, what its places mean, and what is asked for at one. */
import { humanDuration } from '../../api/print/duration.js';

/** A revision and about when it was the present one. */
export interface RevisionAt {
  readonly revision: string;
  /** RFC 3339; undefined where nothing tells. */
  readonly time?: string;
}

/** What `/trireme/revisions` tells. */
export interface RevisionSpan extends RevisionAt {
  readonly oldest: RevisionAt;
}

/** A slider: by seconds since 1970, or by revisions where no times are told. */
export interface TimeLine {
  readonly unit: 'seconds' | 'revisions';
  readonly least: number;
  readonly most: number;
}

/** The slider of all that can still be read. @param nowMs its right end, while times are told */
export function timeLineOf(span: RevisionSpan, nowMs: number): TimeLine {
  const oldestMs = Date.parse(span.oldest.time ?? '');
  const presentMs = Date.parse(span.time ?? '');
  if (Number.isNaN(oldestMs) || Number.isNaN(presentMs)) {
    const least = Number(span.oldest.revision);
    return { unit: 'revisions', least, most: Math.max(least, Number(span.revision)) };
  }
  // Up to a second: the revision of the first whole one is kept.
  const least = Math.ceil(oldestMs / 1000);
  return {
    unit: 'seconds',
    least,
    most: Math.max(least, Math.floor(Math.max(presentMs, nowMs) / 1000)),
  };
}

/** Where a moment lies on the slider, within its ends. */
export function placeOf({ unit, least, most }: TimeLine, at: RevisionAt): number {
  const place = unit === 'seconds' ? Date.parse(at.time ?? '') / 1000 : Number(at.revision);
  return Number.isNaN(place) ? most : Math.min(most, Math.max(least, Math.floor(place)));
}

/** What a place of the slider is called: `14:03:20 UTC, 5m ago`. */
export function placeText({ unit, most }: TimeLine, place: number, nowMs: number): string {
  if (place >= most) return 'now';
  if (unit === 'revisions') return `revision ${place}`;
  const iso = new Date(place * 1000).toISOString();
  return `${iso.slice(11, 19)} UTC, ${humanDuration(nowMs - place * 1000)} ago`;
}

/** The query by which the server names the revision of a place; undefined where the place is one. */
export function placeQuery({ unit }: TimeLine, place: number): string | undefined {
  if (unit === 'revisions') return undefined;
  const iso = new Date(place * 1000).toISOString().replace('.000Z', 'Z');
  return new URLSearchParams({ at: iso }).toString();
}

/** Reads a revision out of an address; undefined for anything else. */
export function revisionIn(text: string | undefined): string | undefined {
  return text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? text : undefined;
}
