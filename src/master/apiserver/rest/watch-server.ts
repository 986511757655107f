import { randomInt } from 'node:crypto';
import { parseSelection } from '../cache/selection.js';
import { watchTimeoutMs } from '../limits.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { checkWatchOptions, WatchSession } from '../registry/watch-session.js';
import { badRequest, failure } from '../status.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { negotiate } from './negotiate.js';
import { readFlag, readNumber } from './params.js';
import { WatchResponse } from './watch-response.js';

/** Serves watches over HTTP, and ends them all when the server stops. */
export class WatchServer {
  readonly #objects: Objects;
  readonly #sessions = new Set<WatchSession>();

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  async serve(exchange: Exchange, target: Target): Promise<void> {
    const { query } = exchange;
    const format = negotiate(header(exchange, 'accept').replace(/;\s*stream=watch/g, ''));
    const resourceVersion = query.get('resourceVersion') ?? '';
    checkWatchOptions(resourceVersion);
    const sendInitialEvents = readFlag(query, 'sendInitialEvents');
    checkInitialEvents(query, sendInitialEvents);
    const { kind, namespace, name } = target;
    const nameTerm = name === '' ? '' : `metadata.name=${name}`;
    const fieldSelector = [query.get('fieldSelector') ?? '', nameTerm].filter(Boolean).join(',');
    const selection = parseSelection(kind, query.get('labelSelector') ?? '', fieldSelector);
    const timeout = readNumber(query, 'timeoutSeconds') ?? 0;
    const { clock } = this.#objects;
    const sink = new WatchResponse(exchange, {
      kind,
      format,
      includeObject: query.get('includeObject') ?? 'Metadata',
      get nowMs() {
        return clock.nowMs();
      },
    });
    const session = new WatchSession({
      options: {
        kind,
        namespace,
        selection,
        resourceVersion,
        allowBookmarks: readFlag(query, 'allowWatchBookmarks') ?? false,
        sendInitialEvents,
      },
      sink,
      mirror: this.#objects.mirror,
      cache: this.#objects.cache(kind),
      clock: this.#objects.clock,
    });
    await this.#run(exchange, session, timeout);
  }

  async #run(exchange: Exchange, session: WatchSession, timeoutSeconds: number): Promise<void> {
    this.#sessions.add(session);
    const timeoutMs =
      timeoutSeconds > 0 ? timeoutSeconds * 1_000 : watchTimeoutMs + randomInt(watchTimeoutMs);
    const cancel = this.#objects.clock.schedule(timeoutMs, () => {
      session.stop({ bookmark: true });
    });
    const closed = new Promise<void>((resolve) => {
      exchange.response.once('close', resolve);
      exchange.response.once('finish', resolve);
    });
    await session.start();
    await closed;
    cancel();
    session.stop();
    this.#sessions.delete(session);
  }

  /** Ends all watches, each with a bookmark for who wants one: clients go on elsewhere. */
  stop(): void {
    for (const session of this.#sessions) session.stop({ bookmark: true });
  }

  get count(): number {
    return this.#sessions.size;
  }
}

function checkInitialEvents(query: URLSearchParams, wanted: boolean | undefined): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const forbid = (field: string, text: string): never => {
    const body = `Forbidden: ${text}`;
    const causes = [{ reason: 'FieldValueForbidden', message: body, field }];
    const message = `ListOptions.meta.k8s.io "" is invalid: ${field}: ${body}`;
    throw failure(422, 'Invalid', message, { group: 'meta.k8s.io', kind: 'ListOptions', causes });
  };
  if (wanted === undefined) {
    if (match !== '')
      forbid(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    return;
  }
  if (match === '')
    forbid(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  if (match !== 'NotOlderThan') throw badRequest(`unsupported resourceVersionMatch ${match}`);
}
