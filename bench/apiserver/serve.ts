/**
 * A child process with the API server of one build, on a store in memory: `serve.js DIR CONFIG`, forked by
 * `compare.ts`. DIR is a checkout that has been compiled; CONFIG a file with certificates. Says its ports, and its CPU
 * time when asked.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The parts of another build's modules that are used. */
interface Server {
  readonly startApiServer: (options: object) => Promise<{ restPort: number; grpcPort: number }>;
}

const [directory = '', config = ''] = process.argv.slice(2);
const load = async <T>(path: string): Promise<T> =>
  (await import(pathToFileURL(join(directory, 'dist/src', path)).href)) as T;

const { startApiServer } = await load<Server>('master/apiserver/server.js');
interface StoreModule {
  readonly MemoryStore: new () => object;
}
// Earlier builds had it beside the others.
const { MemoryStore } = await load<StoreModule>(
  'master/apiserver/storage/testkit/memory-store.js',
).catch(() => load<StoreModule>('master/apiserver/storage/memory-store.js'));
const { silentLogger } = await load<{ silentLogger: object }>('lib/log.js');
const { systemClock } = await load<{ systemClock: () => object }>('lib/clock.js');
const pki = JSON.parse(readFileSync(config, 'utf8')) as {
  readonly ca: string;
  readonly serving: object;
  readonly signingKey: string;
  readonly publicKey: string;
};
const fixed = (value: object): object => ({
  ...value,
  current: value,
  onChange: () => () => undefined,
});
const openPolicy = { level: 'privileged', version: 'latest' };
const ports = await startApiServer({
  log: silentLogger,
  clock: systemClock(),
  masterName: 'bench',
  advertiseAddress: '127.0.0.1',
  bindAddress: '127.0.0.1',
  securePort: 0,
  grpcPort: 0,
  // Builds from before certificates had a source take the pair itself.
  serving: {
    ...pki.serving,
    current: { ...pki.serving, ca: pki.ca },
    onChange: () => () => undefined,
  },
  clientCa: pki.ca,
  etcd: { store: new MemoryStore() },
  serviceAccount: {
    issuer: 'https://kubernetes.default.svc',
    audiences: ['https://kubernetes.default.svc'],
    // Builds from before keys had a source take them themselves.
    signingKey: pki.signingKey,
    publicKeys: [pki.publicKey],
    keys: fixed({ signingKey: pki.signingKey, publicKeys: [pki.publicKey] }),
  },
  kubelet: undefined,
  encryptionKey: undefined,
  serviceClusterIpRange: '10.96.0.0/16',
  nodePortRange: { first: 30_000, last: 32_767 },
  authorizationModes: ['Node', 'RBAC'],
  anonymousAuth: true,
  auditLogPath: undefined,
  disabledAdmission: new Set(['PodSecurity']),
  podSecurity: {
    defaults: { enforce: openPolicy, audit: openPolicy, warn: openPolicy },
    exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
  },
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ restPort: ports.restPort, grpcPort: ports.grpcPort });
