/** The services of the client port, each over gRPC, and etcd's through the JSON gateway as well. */
import { HealthDefinition } from '../../gen/etcd/health.js';
import {
  AuthDefinition,
  ClusterDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from '../../gen/etcd/rpc.js';
import { ElectionDefinition } from '../../gen/etcd/v3election.js';
import { LockDefinition } from '../../gen/etcd/v3lock.js';
import { TelemetryDefinition } from '../../gen/telemetry.js';
import type { MemberState } from '../../gen/telemetry.js';
import type { GrpcServer, Handlers, HttpHandler, ServiceDefinition } from '../../lib/grpc/index.js';
import type { JwtTokens } from '../auth/tokens.js';
import { compatDefault } from '../config.js';
import { JsonGateway } from '../gateway/gateway.js';
import { httpHandler } from '../gateway/http.js';
import { grpcOverheadBytes } from '../guards/limits.js';
import type { Quota } from '../guards/quota.js';
import { LeaseKeeper } from '../member/lease-keeper.js';
import type { EtcdServer } from '../member/server.js';
import { AuthService } from '../rpc/auth.js';
import { CallerIdentity } from '../rpc/auth-info.js';
import { ClusterService } from '../rpc/cluster.js';
import { ElectionService } from '../rpc/election.js';
import { guarded } from '../rpc/guarded.js';
import { HealthService } from '../rpc/health.js';
import { KvService, rawKvDefinition } from '../rpc/kv.js';
import { LeaseService } from '../rpc/lease.js';
import { LockService } from '../rpc/lock.js';
import { MaintenanceService } from '../rpc/maintenance.js';
import { timedRanges } from '../telemetry/added-in-36.js';
import { TelemetryService } from '../rpc/telemetry.js';
import { WatchService } from '../rpc/watch.js';

/** The services of a member's ports. */
export interface ClientServices {
  readonly http: HttpHandler;
  /** Health and metrics alone: the port may be open to callers that the client port would refuse. */
  readonly metrics: HttpHandler;
  readonly watches: WatchService;
  addTo(listener: GrpcServer): void;
}

/** Makes them for one member. @param listen.jwt signed tokens in place of remembered ones */
export function newClientServices(
  server: EtcdServer,
  listen: { readonly jwt: JwtTokens | undefined; readonly clientCertAuth: boolean },
  quota: Quota,
): ClientServices {
  const identity = new CallerIdentity(server, {
    jwt: listen.jwt,
    byCertificate: listen.clientCertAuth,
  });
  const keeper = new LeaseKeeper(server);
  const added: ((listener: GrpcServer) => void)[] = [];
  const compat = server.config.compat ?? compatDefault;
  const gateway = new JsonGateway({
    compat,
    maxBodyBytes: 2 * (server.config.maxRequestBytes + grpcOverheadBytes),
    log: server.config.log,
    clock: server.config.clock,
  });
  const addToPort = <S extends ServiceDefinition>(
    definition: S,
    unguarded: Handlers<S>,
  ): Handlers<S> => {
    const handlers = guarded(definition, unguarded, server);
    added.push((listener) => listener.addService(definition, handlers));
    return handlers;
  };
  const add = <S extends ServiceDefinition>(definition: S, unguarded: Handlers<S>): void =>
    gateway.add(definition, addToPort(definition, unguarded));
  const { clock, telemetry } = server.config;
  const timed = compat === '3.6' ? timedRanges(telemetry.set, clock) : undefined;
  const kv = new KvService(server, identity, quota, timed);
  add(rawKvDefinition, kv);
  const watches = new WatchService(server, identity);
  add(WatchDefinition, watches);
  const leases = new LeaseService(server, { identity, quota, keeper });
  add(LeaseDefinition, leases);
  add(ClusterDefinition, new ClusterService(server, identity));
  add(MaintenanceDefinition, new MaintenanceService(server, identity));
  add(AuthDefinition, new AuthService(server, identity, listen.jwt));
  add(LockDefinition, new LockService(server, kv, leases));
  add(ElectionDefinition, new ElectionService(server, kv, leases));
  add(HealthDefinition, new HealthService(server));
  addToPort(TelemetryDefinition, newTelemetry(server, identity));
  return {
    watches,
    http: httpHandler(server, gateway),
    metrics: httpHandler(server, undefined),
    addTo: (listener) => {
      for (const addTo of added) addTo(listener);
    },
  };
}

function newTelemetry(server: EtcdServer, identity: CallerIdentity): TelemetryService {
  const { config, memberId, report } = server;
  const state = (): MemberState => report.state(server);
  return new TelemetryService({ config, memberId, journal: report.journal, state }, identity);
}
