import type { KindDeclaration } from '../../../api/kind.js';
import type { Clock } from '../../../lib/clock.js';
import { speaksProtobuf } from '../content/protobuf-answers.js';
import { badRequest, failure } from '../status.js';
import type { WatchRequest } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { negotiate } from './negotiate.js';
import { readFlag, readNumber } from './params.js';
import { WatchResponse } from './watch-response.js';

/** Reads a watch's options; its answer begins when the verbs open it. @throws StatusError */
export function readWatchRequest(
  exchange: Exchange,
  watched: KindDeclaration,
  clock: Clock,
): WatchRequest {
  const { query, response } = exchange;
  const accept = header(exchange, 'accept').replace(/;\s*stream=watch/g, '');
  const format = negotiate(accept, { protobuf: speaksProtobuf(watched), stream: true });
  const sendInitialEvents = readFlag(query, 'sendInitialEvents');
  checkInitialEvents(query, sendInitialEvents);
  return {
    labelSelector: query.get('labelSelector') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    allowBookmarks: readFlag(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents,
    timeoutSeconds: readNumber(query, 'timeoutSeconds') ?? 0,
    open: (kind) => ({
      sink: new WatchResponse(exchange, {
        kind,
        format,
        includeObject: query.get('includeObject') ?? 'Metadata',
        get nowMs() {
          return clock.nowMs();
        },
      }),
      closed: new Promise<void>((resolve) => {
        if (response.destroyed) resolve();
        response.once('close', resolve);
        response.once('finish', resolve);
      }),
    }),
  };
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
