/**
 * Checks etcd's promises for watches (etcd docs, api_guarantees) on the records of watchers: ordered, unique, atomic,
 * reliable, resumable, bookmarkable, prev_kv right, filter right. The reference is the union of all recorded events.
 */

/** A change of a key, in short. */
export interface WatchedEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  /** Of a put. */
  readonly value?: string;
  readonly version?: number;
  readonly createRevision?: number;
  /** The previous value of the key, if the watcher asked for it and there was one. */
  readonly previous?: { readonly value: string; readonly modRevision: number };
}

/** One answer; without events it is a progress notification (a bookmark). */
export interface WatchAnswer {
  readonly revision: number;
  readonly events: readonly WatchedEvent[];
}

/** The record of a watch from its creation to the end of its stream. */
export interface WatchHistory {
  readonly name: string;
  /** First key, and the end of the range (exclusive); without one, that key alone. Both compare as bytes of ASCII. */
  readonly key: string;
  readonly rangeEnd?: string;
  /** The first revision that was asked for. */
  readonly startRevision: number;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  readonly withPrevious?: boolean;
  readonly answers: readonly WatchAnswer[];
}

export type Guarantee =
  | 'ordered'
  | 'unique'
  | 'atomic'
  | 'reliable'
  | 'resumable'
  | 'bookmarkable'
  | 'prev_kv'
  | 'filter'
  | 'agreement';

export interface Violation {
  readonly guarantee: Guarantee;
  readonly watch: string;
  readonly detail: string;
}

const idOf = (event: WatchedEvent): string => `${event.revision}/${event.key}`;

function sameContent(a: WatchedEvent, b: WatchedEvent): boolean {
  return (
    a.type === b.type &&
    a.value === b.value &&
    a.version === b.version &&
    a.createRevision === b.createRevision
  );
}

/** All events that any watcher was told, by revision, then key. */
export class EventLog {
  readonly #events = new Map<string, WatchedEvent>();
  readonly violations: Violation[] = [];

  constructor(histories: readonly WatchHistory[]) {
    for (const { name, answers } of histories) {
      for (const event of answers.flatMap((answer) => answer.events)) this.#add(name, event);
    }
  }

  #add(watch: string, event: WatchedEvent): void {
    const known = this.#events.get(idOf(event));
    if (known === undefined) this.#events.set(idOf(event), event);
    else if (!sameContent(known, event)) {
      const detail = `${JSON.stringify(event)}, others were told ${JSON.stringify(known)}`;
      this.violations.push({ guarantee: 'agreement', watch, detail });
    }
  }

  get(revision: number, key: string): WatchedEvent | undefined {
    return this.#events.get(`${revision}/${key}`);
  }

  /** In the order in which they happened. */
  sorted(): readonly WatchedEvent[] {
    return [...this.#events.values()].toSorted(
      (a, b) => a.revision - b.revision || (a.key < b.key ? -1 : 1),
    );
  }
}

function wants(history: WatchHistory, event: WatchedEvent): boolean {
  const { key, rangeEnd } = history;
  const inRange =
    rangeEnd === undefined ? event.key === key : event.key >= key && event.key < rangeEnd;
  const dropped = event.type === 'put' ? history.noPut === true : history.noDelete === true;
  return inRange && !dropped && event.revision >= history.startRevision;
}

type Report = (guarantee: Guarantee, detail: string) => void;

/** Order, uniqueness, atomicity and bookmarks need the watcher's own answers only. */
function checkSequence(history: WatchHistory, report: Report): void {
  const seen = new Set<string>();
  let last = 0;
  let bookmark = 0;
  for (const { revision, events } of history.answers) {
    const lastOfPrevious = last;
    for (const event of events) {
      const id = idOf(event);
      if (seen.has(id)) report('unique', `${id} came twice`);
      seen.add(id);
      if (event.revision < last) report('ordered', `${id} came after revision ${last}`);
      if (event.revision === lastOfPrevious && lastOfPrevious > 0) {
        report('atomic', `revision ${event.revision} came in two answers`);
      }
      if (event.revision <= bookmark) {
        report('bookmarkable', `${id} came after the bookmark ${bookmark}`);
      }
      if (event.revision > revision) report('bookmarkable', `${id} in an answer of ${revision}`);
      last = Math.max(last, event.revision);
    }
    if (events.length === 0) {
      if (revision < bookmark) report('bookmarkable', `${revision} after ${bookmark}`);
      bookmark = Math.max(bookmark, revision);
    }
  }
}

function checkCompleteness(
  history: WatchHistory,
  log: readonly WatchedEvent[],
  report: Report,
): void {
  const told = history.answers.flatMap((answer) => answer.events);
  const got = new Set(told.map(idOf));
  for (const event of told) {
    if (event.revision < history.startRevision) {
      report('resumable', `${idOf(event)} is before the start ${history.startRevision}`);
    } else if (!wants(history, event)) report('filter', `${idOf(event)} ${event.type}`);
  }
  const first = told[0]?.revision ?? Infinity;
  const upTo = Math.max(
    told.at(-1)?.revision ?? 0,
    ...history.answers.filter((each) => each.events.length === 0).map((each) => each.revision),
  );
  for (const event of log) {
    if (event.revision > upTo || !wants(history, event) || got.has(idOf(event))) continue;
    if (event.revision < first) report('resumable', `${idOf(event)} after the start is missing`);
    else report('reliable', `${idOf(event)} is missing`);
  }
}

/** The state that each event left, to compare versions and previous values with. */
function checkPrevious(
  histories: readonly WatchHistory[],
  log: readonly WatchedEvent[],
  report: (watch: string, detail: string) => void,
): void {
  const before = new Map<string, WatchedEvent | undefined>();
  const current = new Map<string, WatchedEvent>();
  for (const event of log) {
    const held = current.get(event.key);
    before.set(idOf(event), held);
    if (event.type === 'put') current.set(event.key, event);
    else current.delete(event.key);
    const version = event.type === 'put' ? (held?.version ?? 0) + 1 : undefined;
    if (event.version !== version) {
      report('*', `${idOf(event)} has version ${event.version}, not ${version}`);
    }
  }
  for (const history of histories) {
    if (history.withPrevious !== true) continue;
    for (const event of history.answers.flatMap((answer) => answer.events)) {
      const held = before.get(idOf(event));
      const right =
        event.previous?.value === held?.value && event.previous?.modRevision === held?.revision;
      if (!right) {
        report(history.name, `${idOf(event)} over ${held && idOf(held)}: ${JSON.stringify(event)}`);
      }
    }
  }
}

/**
 * Every broken promise.
 * @param histories at least one must have watched everything from the first revision on, with every event
 */
export function checkWatches(histories: readonly WatchHistory[]): {
  readonly log: readonly WatchedEvent[];
  readonly violations: readonly Violation[];
} {
  const union = new EventLog(histories);
  const log = union.sorted();
  const violations = [...union.violations];
  for (const history of histories) {
    const report: Report = (guarantee, detail) => {
      violations.push({ guarantee, watch: history.name, detail });
    };
    checkSequence(history, report);
    checkCompleteness(history, log, report);
  }
  checkPrevious(histories, log, (watch, detail) => {
    violations.push({ guarantee: 'prev_kv', watch, detail });
  });
  return { log, violations };
}
