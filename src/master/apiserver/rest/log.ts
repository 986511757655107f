import { parseTime } from '../../../api/facts/time.js';
import { forbidden } from '../../../api/field-error.js';
import { isGrpcError } from '../../../lib/grpc/index.js';
import { badRequest, internal, invalidObject } from '../status.js';
import type { Connector } from '../subresources/connector.js';
import type { Verbs } from '../verbs/index.js';
import { callOf } from './call.js';
import type { Exchange } from './exchange.js';
import { drained, end, write, writeHead } from './exchange.js';
import { logMessages } from './message-answers.js';
import { readNumber } from './params.js';
import { readFlag } from './request-info.js';
import type { Upgrading } from './socket-switch.js';

/** The dependencies of `pods/log`. */
export interface LogDeps {
  readonly verbs: Verbs;
  readonly connector: Connector;
}

/** GET `pods/<name>/log`. */
export function serveLog(exchange: Exchange, { verbs, connector }: LogDeps): Promise<void> {
  return verbs.connect(callOf(exchange), ({ name }) => {
    const request = readLogOptions(exchange.query, name);
    return {
      options: undefined,
      use: async (context, started) => {
        const chunks = await connector.logs(context.target, request, exchange.signal);
        await send(exchange, chunks, started);
        return 200;
      },
    };
  });
}

/** GET `pods/<name>/log` as a WebSocket. */
export function serveLogMessages(
  exchange: Exchange,
  { verbs, connector }: LogDeps,
  upgrading: Upgrading,
): Promise<void> {
  return verbs.connect(callOf(exchange), ({ name }) => {
    const request = readLogOptions(exchange.query, name);
    return {
      options: undefined,
      use: async ({ target }, started) => {
        const gone = new AbortController();
        const chunks = await connector.logs(target, request, gone.signal);
        // What the node refuses comes with the first piece, and is an answer of its own.
        const pieces = chunks[Symbol.asyncIterator]();
        let next = await pieces.next().catch((error: unknown) => {
          throw isGrpcError(error) ? agentError(error.message, error.code) : error;
        });
        const messages = logMessages(upgrading);
        if (messages === undefined) {
          gone.abort();
          return 403;
        }
        started(101);
        void messages.closed.then(() => gone.abort());
        try {
          for (; next.done !== true; next = await pieces.next()) {
            const { data } = next.value;
            if (data.length > 0) await messages.send(data);
          }
        } catch (error) {
          if (!gone.signal.aborted && !isGrpcError(error)) throw error;
        }
        messages.end();
        await messages.closed;
        return 101;
      },
    };
  });
}

async function send(
  exchange: Exchange,
  chunks: AsyncIterable<{ readonly data: Buffer }>,
  started: (code: number) => void,
): Promise<void> {
  const { response } = exchange;
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    writeHead(response, 200, {
      'content-type': 'text/plain',
      'cache-control': 'no-cache, private',
    });
    // It may be silent for long: its client has the head at once.
    if ('flushHeaders' in response) response.flushHeaders();
    started(200);
  };
  try {
    for await (const { data } of chunks) {
      begin();
      if (data.length === 0 || write(response, data)) continue;
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

/** Turns the agent's refusal into an error of the API. gRPC 3 and 5 are the caller's fault. */
function agentError(message: string, code: number): Error {
  return code === 3 || code === 5 || code === 9 ? badRequest(message) : internal(message);
}

interface Numbers {
  tailLines?: number;
  sinceSeconds?: number;
  limitBytes?: number;
}

/** The options of a request for logs. */
interface LogOptions extends Readonly<Numbers> {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceTime: string;
}

/** Reads and checks `PodLogOptions`. @param name the pod's @throws StatusError BadRequest, Invalid */
export function readLogOptions(query: URLSearchParams, name: string): LogOptions {
  const sinceTime = query.get('sinceTime') ?? '';
  if (sinceTime !== '' && parseTime(sinceTime) === undefined) {
    const text = JSON.stringify(sinceTime);
    throw badRequest(
      `parsing time ${text} as "2006-01-02T15:04:05Z07:00": cannot parse ${text} as "2006"`,
    );
  }
  const numbers = readNumbers(query, name);
  if (sinceTime !== '' && numbers.sinceSeconds !== undefined) {
    const text = 'at most one of `sinceTime` or `sinceSeconds` may be specified';
    throw invalidObject({ ...logOptions, name }, [forbidden('', text)]);
  }
  return {
    container: query.get('container') ?? '',
    follow: readFlag(query, 'follow') ?? false,
    previous: readFlag(query, 'previous') ?? false,
    timestamps: readFlag(query, 'timestamps') ?? false,
    sinceTime,
    ...numbers,
  };
}

const logOptions = { group: '', kind: 'PodLogOptions' };

function readNumbers(query: URLSearchParams, pod: string): Numbers {
  const out: Numbers = {};
  const least = { tailLines: 0, sinceSeconds: 1, limitBytes: 1 } as const;
  for (const name of ['tailLines', 'sinceSeconds', 'limitBytes'] as const) {
    const value = readNumber(query, name);
    if (value === undefined) continue;
    if (value < least[name]) {
      const text =
        least[name] === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
      throw invalidObject({ ...logOptions, name: pod }, [
        { type: 'FieldValueInvalid', field: name, body: `Invalid value: ${value}: ${text}` },
      ]);
    }
    out[name] = value;
  }
  return out;
}
