/** Plain HTTP on the client port: health, version, metrics, and the JSON gateway behind `/v3/`. */
import { AlarmType } from '../../gen/etcd/rpc.js';
import type { HttpHandler } from '../../lib/grpc/index.js';
import { errorMessage } from '../../lib/errors.js';
import { reportedVersions } from '../config.js';
import { debugVars } from './debug-vars.js';
import type { JsonGateway } from './gateway.js';
import type { HttpMember, Request, Response } from './plain-http.js';
import { refuse, refuseMethod, respond } from './plain-http.js';
import { answerProbe } from './probes.js';

const corsHeaders = [
  ['access-control-allow-methods', 'POST, GET, OPTIONS, PUT, DELETE'],
  ['access-control-allow-origin', '*'],
  ['access-control-allow-headers', 'accept, content-type, authorization'],
] as const;

/**
 * Serves everything on the client port that is no gRPC.
 * @param gateway without it health and metrics alone are served, as on a port that nobody has to prove himself to
 */
export function httpHandler(server: HttpMember, gateway: JsonGateway | undefined): HttpHandler {
  return (request, response) => {
    route(server, gateway, request, response).catch((error: unknown) => {
      server.config.log.warn({ error }, 'an HTTP request failed');
      if (!response.headersSent) respond(response, 500, 'text/plain', 'internal error\n');
      else response.end();
    });
  };
}

async function route(
  server: HttpMember,
  gateway: JsonGateway | undefined,
  request: Request,
  response: Response,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const versions = reportedVersions(server.config);
  // Etcd's default `--cors '*'`: pages of any origin may call.
  for (const [name, value] of corsHeaders) response.setHeader(name, value);
  if (request.method === 'OPTIONS') return respond(response, 200, 'text/plain', '');
  switch (url.pathname) {
    case '/health':
      return health(server, url, request, response);
    case '/version':
      if (request.method !== 'GET') return refuseMethod(response);
      return respond(
        response,
        200,
        'application/json',
        JSON.stringify({ etcdserver: versions.server, etcdcluster: versions.cluster }),
      );
    case '/metrics': {
      const { registry } = server.config.telemetry;
      return respond(response, 200, registry.contentType, registry.metrics());
    }
    case '/debug/vars':
      if (gateway === undefined) return refuse(response, 404, '404 page not found');
      if (request.method !== 'GET') return refuseMethod(response);
      return respond(
        response,
        200,
        'application/json; charset=utf-8',
        debugVars(server.node.status()),
      );
    default:
      if (await answerProbe(server, url, request, response)) return;
      if (gateway !== undefined && /^\/v3(alpha|beta)?\//.test(url.pathname)) {
        return gateway.serve(url.pathname, request, response);
      }
      return refuse(response, 404, '404 page not found');
  }
}

async function health(
  server: HttpMember,
  url: URL,
  request: Request,
  response: Response,
): Promise<void> {
  if (request.method !== 'GET') return refuseMethod(response);
  const reason = await unhealthyReason(server, {
    exclude: url.searchParams.getAll('exclude').flatMap((list) => list.split(',')),
    serializable: url.searchParams.get('serializable') === 'true',
  });
  server.config.telemetry.server.healthAnswered(reason === '');
  const body = JSON.stringify({ health: reason === '' ? 'true' : 'false', reason });
  respond(response, reason === '' ? 200 : 503, 'application/json', body);
}

async function unhealthyReason(
  server: HttpMember,
  options: { readonly exclude: readonly string[]; readonly serializable: boolean },
): Promise<string> {
  for (const { alarm } of server.alarms.list()) {
    const name = alarm === AlarmType.NOSPACE ? 'NOSPACE' : 'CORRUPT';
    if (!options.exclude.includes(name)) return `ALARM ${name}`;
  }
  if (options.serializable) return '';
  if (server.room.shortage !== undefined) return server.room.shortage.message;
  if (server.leader === 0n) return 'RAFT NO LEADER';
  try {
    await server.linearizable(() => undefined);
    return '';
  } catch (error) {
    return `RANGE ERROR:${errorMessage(error)}`;
  }
}
