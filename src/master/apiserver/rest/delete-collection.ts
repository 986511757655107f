import { parseSelection } from '../cache/selection.js';
import { readDeleteOptions } from '../registry/deleter.js';
import type { RequestContext } from '../registry/types.js';
import { isStatusError } from '../status.js';
import { parseBody, readBody } from './body.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { negotiate } from './negotiate.js';
import { presentList } from './present.js';
import type { ResourceDeps } from './resource-handler.js';
import { sendJson } from './respond.js';

/** Deletions under way at once (apiserver `deleteCollectionWorkers` is 1; ours share the store's batches). */
const workers = 16;

/** DELETE on a collection: deletes what the selectors choose, and answers with the list of it. */
export async function serveDeleteCollection(
  exchange: Exchange,
  context: RequestContext,
  deps: Pick<ResourceDeps, 'lister' | 'deleter' | 'objects'>,
): Promise<void> {
  const format = negotiate(header(exchange, 'accept'));
  const { query } = exchange;
  const { kind, namespace } = context.target;
  const bytes = await readBody(exchange);
  const contentType = header(exchange, 'content-type');
  const body = bytes.length === 0 ? undefined : parseBody(bytes, contentType, false).value;
  const options = readDeleteOptions(body, query);
  const selection = parseSelection(
    kind,
    query.get('labelSelector') ?? '',
    query.get('fieldSelector') ?? '',
  );
  const listed = await deps.lister.list(kind, {
    namespace,
    selection,
    resourceVersion: '',
    resourceVersionMatch: '',
    limit: 0,
    continue: '',
  });
  const rest = [...listed.entries];
  const work = async (): Promise<void> => {
    for (let entry = rest.pop(); entry !== undefined; entry = rest.pop()) {
      const target = { ...context.target, namespace: entry.namespace, name: entry.name };
      try {
        await deps.deleter.delete({ ...context, target }, options);
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const present = { kind, format, includeObject: 'Metadata', nowMs: deps.objects.clock.nowMs() };
  const answer = presentList(listed.entries, listed, present);
  await sendJson(exchange, 200, answer, format);
}
