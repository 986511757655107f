import type { KindDeclaration } from '../../../api/kind.js';
import type { Clock } from '../../../lib/clock.js';
import { speaksProtobuf } from '../content/protobuf-answers.js';
import type { WatchRequest } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { availableTypes, negotiate } from './negotiate.js';
import { readIncludeObject, readNumber } from './params.js';
import { readFlag } from './request-info.js';
import { WatchEvents } from './watch-events.js';
import { WatchResponse } from './watch-response.js';

/** Where a watch's items go, and when its client is gone. */
export type WatchAnswer = ReturnType<WatchRequest['open']>;

/**
 * Reads a watch's options; its answer begins when the verbs open it.
 * @param answer opens it. @default a chunked answer of HTTP
 * @throws StatusError
 */
export function readWatchRequest(
  exchange: Exchange,
  watched: KindDeclaration,
  clock: Clock,
  answer: (events: WatchEvents) => WatchAnswer = (events) => overHttp(exchange, events),
): WatchRequest {
  const { query } = exchange;
  const accept = header(exchange, 'accept').replace(/;\s*stream=watch/g, '');
  const offer = { protobuf: speaksProtobuf(watched), stream: true };
  const { many: available } = availableTypes;
  const format = negotiate(accept, watched.custom ? offer : { ...offer, available });
  const includeObject = readIncludeObject(query, format);
  return {
    labelSelector: query.get('labelSelector') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    continue: query.get('continue') ?? '',
    allowBookmarks: readFlag(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: readFlag(query, 'sendInitialEvents'),
    timeoutSeconds: readNumber(query, 'timeoutSeconds') ?? 0,
    open: (kind) =>
      answer(
        new WatchEvents({
          kind,
          format,
          includeObject,
          get nowMs() {
            return clock.nowMs();
          },
        }),
      ),
  };
}

function overHttp(exchange: Exchange, events: WatchEvents): WatchAnswer {
  const { response } = exchange;
  return {
    sink: new WatchResponse(exchange, events),
    closed: new Promise<void>((resolve) => {
      if (response.destroyed) resolve();
      response.once('close', resolve);
      response.once('finish', resolve);
    }),
  };
}
