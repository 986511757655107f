import { hostname } from 'node:os';
import { join } from 'node:path';
import { createApiClient } from '../../client/index.js';
import { delay, systemClock } from '../../lib/clock.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { makePrivateDirectory, writeWhole } from '../../lib/files/write-whole.js';
import type { Logger } from '../../lib/log.js';
import { createLogger } from '../../lib/create-logger.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import { buildVersion } from '../../lib/version.js';
import {
  firstCertificateEnd,
  keepMasterCertificates,
} from '../../master/cluster/certificate-renewal.js';
import { allMasters, announceMaster, listMasters } from '../../master/cluster/master-registry.js';
import { createMasterCertificates, readAuthority, readKeyPair } from '../../master/cluster/pki.js';
import { followRotation } from '../../master/cluster/rotation-follower.js';
import type { FollowerOptions } from '../../master/cluster/rotation-follower.js';
import { followSchedule } from '../../master/cluster/snapshot-schedule.js';
import type { Supervisor } from '../../master/supervisor/supervisor.js';
import { createSupervisor } from '../../master/supervisor/supervisor.js';
import { formatKubeconfig } from '../kubeconfig.js';
import { backupSettingsFile, componentSpecs } from './components.js';
import type { MasterState } from './join.js';
import { pkiDirectory, prepareMaster } from './join.js';
import { rememberCluster } from './known-cluster.js';
import type { MasterOptions } from './options.js';
import { parseMasterOptions } from './options.js';
import { mustBeFree } from './ports.js';
import { settleOwnMember } from './own-member.js';

/** A component that is asked to end gets so long. */
const stopGraceMs = 5000;

/**
 * `trireme master`: makes or joins a cluster at the first start, then runs the store's member, the API server,
 * scheduler and controllers, each group in a thread of its own, until SIGTERM.
 */
export async function runMaster(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'recover') {
    const { runRecover } = await import('./recover.js');
    return runRecover(argv.slice(1));
  }
  const options = parseMasterOptions(argv);
  if (options === undefined) return 0;
  const clock = systemClock();
  const log = createLogger({ component: 'master' }).child({ master: options.name });
  const stopping = shutdownSignal();
  // Keys, the store, its backups, audit logs: nobody else on the machine reads any of it.
  process.umask(0o077);
  await makePrivateDirectory(options.dataDir);
  // Held until this process ends, however it does.
  lockDirectory(options.dataDir);
  await mustBeFree(options);
  const state = await prepareMaster(options, clock, log);
  const certificates = {
    directory: pkiDirectory(options),
    name: options.name,
    hosts: [options.address, hostname(), ...options.extraHosts],
    settings: state.settings,
    clock,
  };
  await createMasterCertificates(certificates);
  await writeAdminKubeconfig(options, state);
  const told = { end: await firstCertificateEnd(certificates.directory), rotation: '' };
  const onChanged = async (): Promise<void> => {
    await writeAdminKubeconfig(options, state);
    told.end = await firstCertificateEnd(certificates.directory);
  };
  const stopRenewing = keepMasterCertificates({ ...certificates, log, onRenewed: onChanged });
  const failed = new AbortController();
  const ending = AbortSignal.any([stopping, failed.signal]);
  let exitCode = 0;
  const supervisor = createSupervisor({
    clock,
    log,
    onGivenUp: ({ name, code }) => {
      process.stderr.write(
        `trireme master: ${name} could not start (exit code ${code}): see its messages above\n`,
      );
      exitCode = code;
      failed.abort();
    },
  });
  for (const spec of componentSpecs(options, state)) supervisor.start(spec);
  const follower = { ...certificates, log, onChanged };
  const presence = await takePart({ options, state, told, follower, log, supervisor }, ending);
  if (!ending.aborted) {
    await new Promise((resolve) => {
      ending.addEventListener('abort', resolve, { once: true });
    });
  }
  presence();
  stopRenewing();
  await supervisor.stop(stopGraceMs);
  return exitCode;
}

/** Once the own API server answers: announces this master, and has its store member vote. */
async function takePart(
  parts: {
    readonly options: MasterOptions;
    readonly state: MasterState;
    /** What the master says of itself: when its first certificate ends, RFC 3339, and how far a rotation is. */
    readonly told: { readonly end: string; rotation: string };
    readonly follower: Omit<FollowerOptions, 'client' | 'onFollowed'>;
    readonly log: Logger;
    readonly supervisor: Supervisor;
  },
  stopping: AbortSignal,
): Promise<() => void> {
  const { options, state, told, follower, log, supervisor } = parts;
  const { clock } = follower;
  const pki = pkiDirectory(options);
  const file = (name: string): string => join(pki, name);
  const tls = clientTlsFromFiles(
    { ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') },
    { clock, log },
  );
  const client = createApiClient({
    servers: [`127.0.0.1:${options.ports.grpc}`],
    tls,
    log,
    clock,
    patienceMs: 1000,
  });
  const announced = announceMaster({
    client,
    clock,
    log,
    record: () => ({
      name: options.name,
      grpcAddress: `${options.address}:${options.ports.grpc}`,
      restAddress: `${options.address}:${options.ports.rest}`,
      build: buildVersion,
      certificatesEnd: told.end,
      rotation: told.rotation,
    }),
  });
  void settleOwnMember({ options, state, clock, log, signal: stopping });
  const onFollowed = (mark: string): void => void (told.rotation = mark);
  void followRotation({ ...follower, client, onFollowed }, stopping);
  void followSchedule({ client, path: backupSettingsFile(options), clock, log }, stopping);
  while (!stopping.aborted) {
    try {
      const masters = await listMasters(client, clock);
      if (masters.some((master) => master.name === options.name)) {
        log.info({ masters: masters.length }, 'master is ready');
        supervisor.started();
        void rememberCluster(
          {
            dataDir: options.dataDir,
            name: options.name,
            caHash: publicKeyHash((await readAuthority(pki, 'ca')).cert),
            masters: () => allMasters(client),
            clock,
            log,
          },
          stopping,
        );
        break;
      }
    } catch (error) {
      log.debug({ error }, 'the API does not answer yet');
    }
    await delay(clock, 50, stopping);
  }
  return () => {
    announced.stop();
    client.close();
    tls.stop();
  };
}

async function writeAdminKubeconfig(options: MasterOptions, state: MasterState): Promise<void> {
  const pki = pkiDirectory(options);
  const [{ cert: ca }, admin] = await Promise.all([
    readKeyPair(pki, 'ca'),
    readKeyPair(pki, 'admin'),
  ]);
  const grpc = [...new Set([`${options.address}:${options.ports.grpc}`, ...state.masters])];
  const server = `https://${options.address}:${options.ports.rest}`;
  const text = formatKubeconfig({
    contexts: [{ name: 'trireme', server, grpc }],
    user: 'kubernetes-admin',
    ca,
    ...admin,
  });
  await writeWhole(join(options.dataDir, 'admin.kubeconfig'), text);
}
