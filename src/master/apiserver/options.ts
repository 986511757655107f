import type { Clock } from '../../lib/clock.js';
import type { ChannelTls, GrpcServer } from '../../lib/grpc/index.js';
import type { Logger, LogThreshold } from '../../lib/log.js';
import type { Registry } from '../../lib/metrics.js';
import type { EncryptionKey } from '../../lib/pki/encryption-keys.js';
import type { TlsSource, TrustedPair } from '../../lib/pki/tls-source.js';
import type { Random } from '../../lib/random.js';
import type { PodSecurityConfiguration } from './admission/pod-security/configuration.js';
import type { ServiceAccountKeys } from './authn/service-account-tokens.js';
import type { Authorization } from './authz/authorizers.js';
import type { StreamHandler } from './rest/pipeline.js';
import type { RuleTurns } from './rules/rule-turns.js';
import type { Store } from './storage/store.js';

/** An authorizer by its name in `--authorization-mode`. */
export type AuthorizationMode = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny';

/** The settings of the API server without those of its listeners. */
export interface ApiCoreOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Draws uids, names and addresses. @default the machine's */
  readonly random?: Random;
  /** The addresses of the store, or a store at hand. */
  readonly etcd:
    | { readonly servers: readonly string[]; readonly tls: TlsSource<ChannelTls> }
    | { readonly store: Store };
  readonly serviceAccount: {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly keys: TlsSource<ServiceAccountKeys>;
  };
  /** The credentials for calls to nodes' agents; absent where there are none. */
  readonly kubelet: TlsSource<TrustedPair> | undefined;
  /** The certificate that is shown to servers of APIServices, and its authority; absent where there is none. */
  readonly frontProxy?: TlsSource<TrustedPair> | undefined;
  /** The keys of now; Secrets are stored encrypted with the first. */
  readonly encryptionKeys: (() => readonly EncryptionKey[]) | undefined;
  readonly serviceClusterIpRange: string;
  /** Inclusive. */
  readonly nodePortRange: { readonly first: number; readonly last: number };
  readonly authorizationModes: readonly AuthorizationMode[];
  readonly anonymousAuth: boolean;
  readonly auditLogPath: string | undefined;
  readonly disabledAdmission: ReadonlySet<string>;
  /** Levels of namespaces without labels, and who is exempt from levels. */
  readonly podSecurity: PodSecurityConfiguration;
  /** The way of expressions that take long. @default the event loop, however long they take */
  readonly rules?: RuleTurns;
}

/** Everything that the API server is told. Files have been read by then. */
export interface ApiServerOptions extends ApiCoreOptions {
  /** Names this server among the masters. */
  readonly masterName: string;
  /** The address at which others reach this server. */
  readonly advertiseAddress: string;
  /** @default '0.0.0.0' */
  readonly bindAddress: string;
  /** 0 takes a free port. */
  readonly securePort: number;
  readonly grpcPort: number;
  /** The serving certificate, and the authority that verifies client certificates. */
  readonly serving: TlsSource<TrustedPair>;
  /** Serve the dashboard under `/ui/`. @default false */
  readonly dashboard?: boolean;
  /** Further paths of HTTP whose answers go on; who may `get` them, roles say by the path. */
  readonly streams?: ReadonlyMap<string, StreamHandler>;
  /** The level of the log, which may be changed by `PUT /debug/flags/v`. @default it may not */
  readonly threshold?: LogThreshold;
  /** Shown beside the server's own metrics. */
  readonly metrics?: readonly Registry[];
  /** Adds further services (joining, status) to the gRPC server before it listens. Their calls are audited. */
  readonly extendGrpc?: (
    server: Pick<GrpcServer, 'addService'>,
    authorization: Authorization,
  ) => void;
}

/** A running server. */
export interface RunningApiServer {
  readonly restPort: number;
  readonly grpcPort: number;
  /** Ends watches, drains requests for a moment, closes. */
  stop(): Promise<void>;
}
