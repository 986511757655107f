/** Watches: events of a resource as they come. */
import { ApiError } from '../../client/types.js';
import type { KubeClient, KubeRequest } from './types.js';
import { parseJson } from '../../lib/json.js';

/** One event of a watch. */
export interface KubeEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** Of one event. */
const lineBytesMax = 64 * 1024 * 1024;

/** Events until the server ends the watch. @throws ApiError when it ends it with an error */
export async function* watchEvents<T>(
  kube: KubeClient,
  request: KubeRequest,
  signal?: AbortSignal,
): AsyncGenerator<KubeEvent<T>> {
  const query = { ...request.query, watch: 'true' };
  for await (const line of linesOf(await kube.stream({ ...request, query }, signal))) {
    const event = parseJson(line) as KubeEvent<T>;
    if (event.type === 'ERROR') {
      const status = event.object as { code?: number; reason?: string; message?: string };
      throw new ApiError(
        status.code ?? 500,
        status.reason ?? '',
        status.message ?? 'the watch failed',
      );
    }
    yield event;
  }
}

/** The lines of a stream. */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...chunks, chunk.subarray(from, end)]).toString('utf8');
      [chunks, size, from] = [[], 0, end + 1];
      if (line !== '') yield line;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > lineBytesMax) throw new ApiError(500, '', 'an event is too large');
    if (rest.length > 0) chunks.push(rest);
  }
  if (size > 0) yield Buffer.concat(chunks).toString('utf8');
}
