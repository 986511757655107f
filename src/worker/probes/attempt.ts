/** Performs one attempt of a probe: a command, an HTTP request, a TCP connection or a gRPC health check. */
import * as net from 'node:net';
import { probeHandlers } from '../../api/core/probe.js';
import type { ContainerPort, Probe } from '../../api/types/core.js';
import {
  HealthCheckResponse_ServingStatus,
  healthCheckResponse_ServingStatusToJSON,
  HealthDefinition,
} from '../../gen/etcd/health.js';
import type { Clock } from '../../lib/clock.js';
import { Code, createGrpcChannel, isGrpcError } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import { errorMessage } from '../../lib/errors.js';
import { isRuntimeError } from '../../runtime/types.js';
import type { HttpAction } from './http.js';
import { beginHttpProbe, probeUrl } from './http.js';
import type { ProbeOutcome } from './prober.js';

/** The target and the tools of one attempt. */
export interface AttemptContext {
  readonly podIp: string;
  readonly ports: readonly ContainerPort[];
  readonly clock: Clock;
  readonly execSync: (
    command: readonly string[],
    timeoutMs: number,
  ) => Promise<{ readonly exitCode: number; readonly output: string; readonly timedOut: boolean }>;
}

type ProbeHandler = (typeof probeHandlers)[number];
type Attempt<H extends ProbeHandler> = (
  action: NonNullable<Probe[H]>,
  timeoutMs: number,
  context: AttemptContext,
) => Promise<ProbeOutcome>;

/** The attempts, one for each handler that the API knows. */
const attempts: { readonly [H in ProbeHandler]: Attempt<H> } = {
  exec: ({ command }, timeoutMs, context) => byCommand(command ?? [], timeoutMs, context),
  httpGet: byHttp,
  async tcpSocket({ host, port }, timeoutMs, context) {
    return await byTcp(host ?? context.podIp, resolvePort(port, context), timeoutMs, context.clock);
  },
  grpc: byGrpc,
};

/** Resolves in any case. */
export async function attemptProbe(probe: Probe, context: AttemptContext): Promise<ProbeOutcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    for (const handler of probeHandlers) {
      const outcome = attempt(handler, probe, timeoutMs, context);
      if (outcome !== undefined) return await outcome;
    }
    return { ok: false, output: 'missing probe handler' };
  } catch (error) {
    const output = errorMessage(error);
    // A runtime that is away, or starts anew, is no fault of the container.
    if (isRuntimeError(error) && error.retryable) return { ok: false, output, isVoid: true };
    return { ok: false, output };
  }
}

/** Undefined when the probe has another handler. */
function attempt<H extends ProbeHandler>(
  handler: H,
  probe: Probe,
  timeoutMs: number,
  context: AttemptContext,
): Promise<ProbeOutcome> | undefined {
  const action = probe[handler];
  return action === undefined ? undefined : attempts[handler](action, timeoutMs, context);
}

/** A port by number, or by the name that the container gives it. @throws Error */
export function resolvePort(port: number | string, context: Pick<AttemptContext, 'ports'>): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const found = context.ports.find((candidate) => candidate.name === port);
  if (found === undefined) throw new Error(`couldn't find port: ${port}`);
  return found.containerPort;
}

async function byCommand(
  command: readonly string[],
  timeoutMs: number,
  context: AttemptContext,
): Promise<ProbeOutcome> {
  const { exitCode, output, timedOut } = await context.execSync(command, timeoutMs);
  if (timedOut) {
    return {
      ok: false,
      output: `command timed out: ${command.join(' ')} timed out after ${timeoutMs / 1000}s`,
    };
  }
  return { ok: exitCode === 0, output };
}

function byHttp(
  action: HttpAction,
  timeoutMs: number,
  context: AttemptContext,
): Promise<ProbeOutcome> {
  const target = { podIp: context.podIp, port: resolvePort(action.port, context) };
  const { href } = probeUrl(action, target.podIp, target.port);
  return withDeadline(
    timeoutMs,
    context.clock,
    `Get "${href}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    (done) => beginHttpProbe(action, target, done),
  );
}

function byTcp(host: string, port: number, timeoutMs: number, clock: Clock): Promise<ProbeOutcome> {
  return withDeadline(timeoutMs, clock, `dial tcp ${host}:${port}: i/o timeout`, (done) => {
    const socket = net.connect({ host, port });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
      done({ ok: false, output: `dial tcp ${host}:${port}: ${reason}` });
    });
    socket.on('connect', () => done({ ok: true, output: '' }));
    return () => socket.destroy();
  });
}

/** @param start begins the attempt and returns what ends it; what it throws is the outcome */
function withDeadline(
  timeoutMs: number,
  clock: Clock,
  lateMessage: string,
  start: (done: (outcome: ProbeOutcome) => void) => () => void,
): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    let settled = false;
    let end = (): void => undefined;
    const done = (outcome: ProbeOutcome): void => {
      if (settled) return;
      settled = true;
      cancelDeadline();
      resolve(outcome);
      end();
    };
    const cancelDeadline = clock.schedule(timeoutMs, () =>
      done({ ok: false, output: lateMessage }),
    );
    try {
      end = start(done);
    } catch (error) {
      done({ ok: false, output: errorMessage(error) });
    }
  });
}

/** @see grpc/doc/health-checking.md, Kubernetes pkg/probe/grpc/grpc.go */
async function byGrpc(
  action: NonNullable<Probe['grpc']>,
  timeoutMs: number,
  context: AttemptContext,
): Promise<ProbeOutcome> {
  const { podIp, clock } = context;
  const target = `${podIp.includes(':') ? `[${podIp}]` : podIp}:${action.port}`;
  const channel = createGrpcChannel({
    target,
    log: silentLogger,
    clock,
    connectTimeoutMs: timeoutMs,
    keepAliveMs: 0,
  });
  try {
    const request = { service: action.service ?? '' };
    const metadata = new Map([['user-agent', 'kube-probe/1.33']]);
    const { status } = await channel
      .client(HealthDefinition)
      .check(request, { deadlineMs: timeoutMs, metadata });
    if (status === HealthCheckResponse_ServingStatus.SERVING) {
      return { ok: true, output: 'service healthy' };
    }
    const said = healthCheckResponse_ServingStatusToJSON(status);
    return { ok: false, output: `service unhealthy (responded with "${said}")` };
  } catch (error) {
    return { ok: false, output: grpcFailure(error, target, timeoutMs) };
  } finally {
    channel.close();
  }
}

function grpcFailure(error: unknown, target: string, timeoutMs: number): string {
  const reason = errorMessage(error);
  switch (isGrpcError(error) ? error.code : undefined) {
    case Code.Unimplemented:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${reason}`;
    case Code.DeadlineExceeded:
      return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
    case Code.Unavailable:
      return `error: failed to connect service at "${target}": ${reason}`;
    default:
      return `error: health rpc probe failed: ${reason}`;
  }
}
