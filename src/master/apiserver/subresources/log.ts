import { isGrpcError } from '../../../lib/grpc/index.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import type { Exchange } from '../rest/exchange.js';
import { drained, end, write, writeHead } from '../rest/exchange.js';
import { readFlag, readNumber } from '../rest/params.js';
import { badRequest, internal, invalidObject, methodNotAllowed } from '../status.js';
import type { NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

export interface LogDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
}

/** GET `pods/<name>/log`. */
export async function serveLog(
  exchange: Exchange,
  context: RequestContext,
  deps: LogDeps,
): Promise<void> {
  if (exchange.info.verb !== 'get') throw methodNotAllowed();
  const { query, response } = exchange;
  const numbers = readNumbers(exchange, context);
  const found = await findContainer(deps.objects, context.target, query.get('container') ?? '');
  const chunks = deps.agents.forNode(found.node).logs(
    {
      container: found.ref,
      follow: readFlag(query, 'follow') ?? false,
      previous: readFlag(query, 'previous') ?? false,
      timestamps: readFlag(query, 'timestamps') ?? false,
      sinceTime: query.get('sinceTime') ?? '',
      ...numbers,
    },
    { signal: exchange.signal },
  );
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    writeHead(response, 200, {
      'content-type': 'text/plain',
      'cache-control': 'no-cache, private',
    });
  };
  try {
    for await (const { data } of chunks) {
      begin();
      if (write(response, data)) continue;
      await drained(response);
    }
  } catch (error) {
    if (exchange.signal.aborted) return;
    if (!isGrpcError(error)) throw error;
    throw agentError(error.message, error.code);
  }
  begin();
  end(response);
}

/** What the agent refused, as the API says it. gRPC 3 and 5 are the caller's fault. */
export function agentError(message: string, code: number): Error {
  return code === 3 || code === 5 || code === 9 ? badRequest(message) : internal(message);
}

function readNumbers(
  exchange: Exchange,
  context: RequestContext,
): { tailLines?: number; sinceSeconds?: number; limitBytes?: number } {
  const out: { tailLines?: number; sinceSeconds?: number; limitBytes?: number } = {};
  const least = { tailLines: 0, sinceSeconds: 1, limitBytes: 1 } as const;
  for (const name of ['tailLines', 'sinceSeconds', 'limitBytes'] as const) {
    const value = readNumber(exchange.query, name);
    if (value === undefined) continue;
    if (value < least[name]) {
      const text =
        least[name] === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
      throw invalidObject({ group: '', kind: 'PodLogOptions', name: context.target.name }, [
        { type: 'FieldValueInvalid', field: name, body: `Invalid value: ${value}: ${text}` },
      ]);
    }
    out[name] = value;
  }
  return out;
}
