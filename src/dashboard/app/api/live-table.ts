/** Follows a resource as a table: list, then watch, for as long as somebody looks at it. */
import { exactly } from '../../../history/past.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { parseJson } from '../../../lib/json.js';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import type { TableDocument, TableRows, WatchEvent } from '../../model/table-rows.js';
import { listed, noRows, watched } from '../../model/table-rows.js';
import type { Api } from './api.js';
import type { Store } from './store.js';

/** What is shown of a table, and how sure it is. */
export interface LiveTable {
  readonly table: TableRows;
  /** `loading` before the first answer; `live` while the watch goes on; `stale` while it is broken. */
  readonly state: 'loading' | 'live' | 'stale';
  readonly error: string | undefined;
}

/** The table to follow. */
export interface TableSource {
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The rows come with their objects, for what is read of events. */
  readonly withObjects?: boolean;
  /** The most rows that are kept. */
  readonly limit: number;
}

const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
/** Changes are shown together, so often at most. */
const showEveryMs = 250;
const retryMs = { least: 500, most: 8_000 };

/** Before the first answer. */
export const loadingTable: LiveTable = { table: noRows, state: 'loading', error: undefined };

/** Follows the table until `signal` aborts; never rejects. */
export async function followTable(
  options: { readonly api: Api; readonly clock: Clock; readonly source: TableSource },
  store: Store<LiveTable>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = options;
  let waitMs = retryMs.least;
  while (!signal.aborted) {
    try {
      await listAndWatch(options, store, signal, () => {
        waitMs = retryMs.least;
      });
    } catch (error) {
      if (signal.aborted) return;
      const isRefused = error instanceof ApiFailure && [403, 404].includes(error.code);
      // What was missed is listed anew, and what is shown stays meanwhile.
      if (isExpired(error)) {
        await delay(clock, retryMs.least, signal);
        continue;
      }
      store.set({ ...store.value, state: 'stale', error: failureText(error) });
      await delay(clock, isRefused ? retryMs.most : waitMs, signal);
      waitMs = Math.min(waitMs * 2, retryMs.most);
    }
  }
}

/**
 * Reads the table once.
 * @param revision as it was then; undefined: as it is
 * @throws ApiFailure
 */
export async function readTable(
  api: Api,
  source: TableSource,
  signal: AbortSignal,
  revision?: string,
): Promise<TableRows> {
  const query = new URLSearchParams({
    limit: String(source.limit),
    ...(revision === undefined ? {} : exactly(revision)),
  });
  const path = `${source.path}?${query.toString()}&${selectorsOf(source)}`;
  return listed(await api.json<TableDocument>(path, { accept, signal }));
}

function selectorsOf({ labelSelector = '', fieldSelector = '', withObjects }: TableSource): string {
  const selectors = new URLSearchParams();
  if (labelSelector !== '') selectors.set('labelSelector', labelSelector);
  if (fieldSelector !== '') selectors.set('fieldSelector', fieldSelector);
  if (withObjects === true) selectors.set('includeObject', 'Object');
  return selectors.toString();
}

async function listAndWatch(
  {
    api,
    clock,
    source,
  }: { readonly api: Api; readonly clock: Clock; readonly source: TableSource },
  store: Store<LiveTable>,
  signal: AbortSignal,
  isListed: () => void,
): Promise<void> {
  const selectors = selectorsOf(source);
  let table = await readTable(api, source, signal);
  store.set({ table, state: 'live', error: undefined });
  isListed();
  const shower = new Shower(clock, () => store.set({ table, state: 'live', error: undefined }));
  try {
    // A watch ends after a while by itself, and goes on from where it was.
    while (!signal.aborted) {
      const from = new URLSearchParams({
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: table.resourceVersion,
      });
      const path = `${source.path}?${from.toString()}&${selectors}`;
      for await (const lines of api.lines(path, { accept, signal })) {
        table = watched(table, lines.map(eventOf), source.limit);
        shower.show();
      }
      await delay(clock, showEveryMs, signal);
    }
  } finally {
    shower.stop();
  }
}

/** @throws ApiFailure for the error that ends a watch */
function eventOf(line: string): WatchEvent {
  const event = parseJson(line) as WatchEvent;
  if (event.type !== 'ERROR') return event;
  const status = event.object as unknown as { code?: number; reason?: string; message?: string };
  throw new ApiFailure(
    status.code ?? 500,
    status.reason ?? '',
    status.message ?? 'the watch broke',
  );
}

function isExpired(error: unknown): boolean {
  return error instanceof ApiFailure && error.code === 410;
}

/** Calls at once, and then not again for a while. */
class Shower {
  readonly #clock: Clock;
  readonly #call: () => void;
  #cancel: (() => void) | undefined;
  #isDue = false;

  constructor(clock: Clock, call: () => void) {
    this.#clock = clock;
    this.#call = call;
  }

  show(): void {
    if (this.#cancel !== undefined) {
      this.#isDue = true;
      return;
    }
    this.#isDue = false;
    this.#call();
    this.#cancel = this.#clock.schedule(showEveryMs, () => {
      this.#cancel = undefined;
      if (this.#isDue) this.show();
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
