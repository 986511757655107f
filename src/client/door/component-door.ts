/**
 * The HTTPS port of a scheduler or a controller manager: health for everybody, metrics and the level of the log for
 * whom the API server lets (k8s.io/apiserver with delegated authentication and authorization).
 */
import type { Clock } from '../../lib/clock.js';
import type { GrpcServer, ServerTls } from '../../lib/grpc/index.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { HealthCheck } from '../../lib/health-checks.js';
import { answerHealth, healthPath } from '../../lib/health-checks.js';
import { HealthMetrics, healthMetricsPath } from '../../lib/health-metrics.js';
import type { Logger, LogThreshold } from '../../lib/log.js';
import type { Registry } from '../../lib/metrics.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import { setVerbosity, verbosityBytesMax } from '../../lib/verbosity.js';
import type { DoorRequest, DoorResponse } from './answer.js';
import {
  answer,
  answerMetrics,
  credentialsOf,
  leave,
  plainText,
  readShort,
  targetOf,
} from './answer.js';
import type { DelegatedAccess, DoorUser } from './delegated-access.js';
import { isDoorRefusal } from './delegated-access.js';

/** What a component shows of itself, and to whom. */
export interface ComponentDoorOptions {
  readonly tls: TlsSource<ServerTls>;
  readonly access: DelegatedAccess;
  readonly registries: readonly Registry[];
  /** The checks of `/healthz`, `/livez` or `/readyz`. */
  readonly checks: (root: string) => readonly HealthCheck[];
  readonly threshold: LogThreshold;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Streams that are open get this long at a stop. */
const graceMs = 500;
/** `--authorization-always-allow-paths` of kube-scheduler: these very paths, and nothing below them. */
const openPaths = new Set(['/healthz', '/livez', '/readyz']);
/** The level of the log, as a number of klog. */
export const verbosityPath = '/debug/flags/v';
const reasons = {
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'TooManyRequests',
  500: 'InternalError',
};

/** A port that is open until it is closed. */
export interface OpenDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the port. @throws the system's error, such as EADDRINUSE */
export async function openComponentDoor(
  options: ComponentDoorOptions,
  address: { readonly host: string; readonly port: number },
): Promise<OpenDoor> {
  const { tls, log, clock } = options;
  const slis = new HealthMetrics();
  const server: GrpcServer = createGrpcServer({
    log,
    clock,
    tls,
    fallback: (request, response) => {
      serve(options, slis, request, response).catch((error: unknown) => {
        log.warn({ error }, 'a request could not be answered');
        if (!response.headersSent) answer(response, 500, plainText, 'internal error\n');
        else response.end();
      });
    },
  });
  const { port } = await server.listen(address);
  return { port, close: () => server.close({ graceMs }) };
}

async function serve(
  options: ComponentDoorOptions,
  slis: HealthMetrics,
  request: DoorRequest,
  response: DoorResponse,
): Promise<void> {
  const { access } = options;
  const { path, query } = targetOf(request);
  if (path !== verbosityPath) leave(request, response, options.clock);
  const verb = (request.method ?? 'GET').toLowerCase();
  let user: DoorUser | undefined;
  try {
    if (!openPaths.has(path)) {
      const credentials = credentialsOf(request);
      user = await access.userOf(credentials);
      await access.mustBeAllowed(user, { verb, path }, credentials);
    }
  } catch (error) {
    if (!isDoorRefusal(error)) throw error;
    const who = `User ${JSON.stringify(user?.username ?? '')} cannot ${verb} path ${JSON.stringify(path)}`;
    const message = error.status === 403 ? `forbidden: ${who}` : error.message;
    answerStatus(response, error.status, message);
    return;
  }
  const health = healthPath(path);
  if (health !== undefined) {
    const found = await answerHealth(health, query, options.checks(health.root), slis);
    if (found !== undefined) return answer(response, found.status, plainText, found.text);
  }
  switch (path) {
    case '/metrics':
      return answerMetrics(response, options.registries);
    case healthMetricsPath:
      return answerMetrics(response, [slis.registry]);
    case verbosityPath:
      return changeVerbosity(request, response, options);
    default:
      answer(response, 404, plainText, '404 page not found\n');
  }
}

/** `PUT /debug/flags/v`, which a user has been let to already. */
export async function changeVerbosity(
  request: DoorRequest,
  response: DoorResponse,
  { threshold, clock }: { readonly threshold: LogThreshold; readonly clock: Clock },
): Promise<void> {
  if (request.method !== 'PUT') {
    leave(request, response, clock);
    return answer(response, 406, plainText, 'unsupported http method');
  }
  const body = await readShort(request, response, { bytesMax: verbosityBytesMax, clock });
  if (body === undefined) return answer(response, 400, plainText, 'error reading request body');
  const { status, text } = setVerbosity(threshold, body);
  answer(response, status, plainText, text);
}

function answerStatus(response: DoorResponse, code: keyof typeof reasons, message: string): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasons[code],
    ...(code === 403 ? { details: {} } : {}),
    code,
  };
  answer(response, code, 'application/json', JSON.stringify(status));
}
