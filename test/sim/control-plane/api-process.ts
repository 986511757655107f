/** An API server as a process: the real one without its sockets. */
import { generateKeyPairSync } from 'node:crypto';
import type { Handlers } from '../../../src/lib/grpc/index.js';
import type { ResourcesDefinition } from '../../../src/gen/apiserver.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import type { Random } from '../../../src/lib/random.js';
import type { Prng } from '../../../src/lib/prng.js';
import { ApiCore } from '../../../src/master/apiserver/core.js';
import { standardConfiguration } from '../../../src/master/apiserver/admission/pod-security/configuration.js';
import { RemoteResources } from '../../../src/master/apiserver/grpc/remote-resources.js';
import { ResourceService } from '../../../src/master/apiserver/grpc/resource-service.js';
import { BodyParser } from '../../../src/master/apiserver/content/body-parser.js';
import type { BodyWork } from '../../../src/master/apiserver/content/body-work.js';
import { doBodyWork, WorkKinds } from '../../../src/master/apiserver/content/body-work.js';
import type { ApiCoreOptions } from '../../../src/master/apiserver/options.js';
import type { Store } from '../../../src/master/apiserver/storage/store.js';
import type { Life } from './process.js';
import { SimProcess } from './process.js';
import { StoreLink } from './store-link.js';

const workKinds = new WorkKinds();
/** A simulation has no threads: costly bodies are read where the others are. */
const bodiesHere = {
  run: (_user: string, work: BodyWork) => Promise.resolve(doBodyWork(work, workKinds)),
  close: () => Promise.resolve(),
};

/** Signs tokens, of which none is stored: it may differ from run to run. */
const { privateKey, publicKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

/** Chance out of the seed. */
export function seededRandom(prng: Prng): Random {
  const hex = (digits: number): string =>
    prng.uint32().toString(16).padStart(8, '0').slice(0, digits);
  return {
    below: (bound) => prng.below(bound),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(8)}${hex(4)}`,
  };
}

/** The time that requests under way have left when the server is to end. */
const stopGraceUs = 500_000;

/** The options of every API server of the simulation. */
export function coreOptions(
  parts: Pick<ApiCoreOptions, 'log' | 'clock' | 'random'> & { readonly store: Store },
): ApiCoreOptions {
  const { store, ...rest } = parts;
  return {
    ...rest,
    etcd: { store },
    serviceAccount: {
      issuer: 'https://kubernetes.default.svc',
      audiences: ['https://kubernetes.default.svc'],
      keys: fixedTls({ signingKey: privateKey, publicKeys: [publicKey] }),
    },
    kubelet: undefined,
    encryptionKeys: undefined,
    serviceClusterIpRange: '10.96.0.0/16',
    nodePortRange: { first: 30_000, last: 32_767 },
    authorizationModes: ['Node', 'RBAC'],
    anonymousAuth: false,
    auditLogPath: undefined,
    disabledAdmission: new Set(),
    podSecurity: standardConfiguration,
  };
}

/** See above. */
export class ApiProcess extends SimProcess {
  handlers: Handlers<typeof ResourcesDefinition> | undefined;
  core: ApiCore | undefined;
  link: StoreLink | undefined;

  protected begin(life: Life): void {
    const { world } = this;
    const link = new StoreLink(world.store, this, life);
    this.link = link;
    const options = coreOptions({
      store: world.canaries.store(link),
      log: this.logger(),
      clock: this.clock,
      random: seededRandom(this.prng.fork()),
    });
    const core = new ApiCore(options);
    this.core = core;
    world.own(this, life, async () => {
      await core.start();
      const { verbs, objects, remotes, remoteCalls } = core;
      const remote = new RemoteResources({ ...remoteCalls, remotes, verbs, clock: this.clock });
      const parser = new BodyParser(bodiesHere);
      const deps = { verbs, parser, remote, now: () => objects.now() };
      this.handlers = new ResourceService(deps).handlers();
    });
  }

  /** As SIGTERM: watches end with a bookmark, requests under way are answered, and it ends. */
  terminate(): void {
    const { life, core } = this;
    if (life === undefined || core === undefined || this.handlers === undefined) return;
    this.handlers = undefined;
    core.endDefinitions();
    core.endWatches();
    this.world.queue.add(
      stopGraceUs,
      () => {
        void core.close().then(() => this.kill());
      },
      life,
    );
  }

  protected ended(): void {
    this.handlers = undefined;
    this.core = undefined;
    this.link?.close();
    this.link = undefined;
  }
}
