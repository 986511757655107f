/** A cluster for client commands: objects in memory, and answers of its services that a test gives. */
import { readFileSync } from 'node:fs';
import type { KindDeclaration } from '../../api/kind.js';
import { builtInRegistry } from '../../api/kinds.js';
import type { KubeObject } from '../../api/object.js';
import { parseManifests } from '../builder/manifests.js';
import { applyJsonPatch } from '../../api/patch/json-patch.js';
import type { ObjectKey, PatchType, ResourceId, WriteOptions } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { FakeApi } from '../../client/testkit/fake.js';
import type { Channel, Client, ServiceDefinition } from '../../lib/grpc/index.js';
import { UsageError } from '../../lib/usage-error.js';
import type { Clock } from '../../lib/clock.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { GlobalValues } from '../kube/client-config.js';
import type { KubeClient } from '../kube/types.js';
import type { ExtraAnswers } from './fake-kube.js';
import { FakeKube } from './fake-kube.js';
import type { Connection, ConnectionFlags } from '../connection.js';

const kinds = builtInRegistry();

/** The fake API with the two patches more that commands send. */
class PatchingApi extends FakeApi {
  override async patch<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const found = await this.get<T>(resource, key).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    if (type === 'application/apply-patch+yaml') {
      if (options.dryRun === true) return found ?? (patch as T);
      if (found === undefined) return this.create(resource, patch as T);
      const isSame = contains(found, patch);
      if (isSame) return found;
    }
    if (type === 'application/json-patch+json') {
      return this.update(resource, applyJsonPatch(found, patch) as T);
    }
    return super.patch(resource, key, 'application/merge-patch+json', patch, options);
  }
}

function contains(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return whole === part;
  if (typeof whole !== 'object' || whole === null) return false;
  return Object.entries(part).every(([name, value]) =>
    contains((whole as Record<string, unknown>)[name], value),
  );
}

/** The declaration of an object's kind. */
function kindOf({ apiVersion = '', kind = '' }: KubeObject): KindDeclaration {
  const at = apiVersion.indexOf('/');
  const found = kinds.byKind(apiVersion.slice(0, Math.max(0, at)), apiVersion.slice(at + 1), kind);
  if (found === undefined) throw new TypeError(`no kind ${kind} in ${apiVersion}`);
  return found;
}

/** Answers of a service, by the names of its methods. */
export type Answers = Readonly<Record<string, (request: never) => unknown>>;

export class FakeCluster {
  readonly api = new PatchingApi();
  readonly #services = new Map<string, Answers>();
  /** The requests that were sent to the services, in order. */
  readonly requests: unknown[] = [];
  failedChannels = 0;
  /** Answers of paths that are no objects. */
  extra: ExtraAnswers = {};

  /**
   * @param path of a file with manifests
   * @param nowMs from which `ago-SECONDS` in it counts; `ago-micro-SECONDS` is a time with microseconds
   */
  static async load(path: string, nowMs = 0): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    const text = readFileSync(path, 'utf8').replaceAll(
      /\bago-(micro-)?(\d+)\b/g,
      (_, micro: string | undefined, seconds: string) => {
        const time = new Date(nowMs - Number(seconds) * 1000).toISOString();
        return `'${time.replace(/\.\d+/, micro === undefined ? '' : '.000000')}'`;
      },
    );
    for (const object of parseManifests({ name: path, text })) {
      const { group, version, plural: resource } = kindOf(object);
      await cluster.api.create({ group, version, resource }, object);
    }
    return cluster;
  }

  answer(definition: ServiceDefinition, answers: Answers): void {
    this.#services.set(definition.fullName, answers);
  }

  /** @throws UsageError for a kubeconfig that the flags name: this cluster has none */
  connection(flags: ConnectionFlags): Connection {
    if (flags.kubeconfig !== undefined) throw new UsageError(`no cluster is known`);
    return {
      api: this.api,
      servers: ['10.0.0.1:6444', '10.0.0.2:6444'],
      namespace: 'default',
      call: (run) => run(this.#channel()),
      channel: () => this.#channel(),
      channels: () => [this.#channel()],
      failed: () => {
        this.failedChannels += 1;
      },
      close: () => undefined,
    };
  }

  /** @throws CommandLineError for a kubeconfig that the flags name */
  kube(flags: GlobalValues, clock: Clock): KubeClient {
    if (flags.kubeconfig !== undefined) {
      throw new CommandLineError('no cluster is known', { plain: true });
    }
    return new FakeKube({
      api: this.api,
      clock,
      namespace: flags.namespace ?? 'default',
      extra: this.extra,
    });
  }

  #channel(): Channel {
    return {
      target: '10.0.0.1:6444',
      state: 'ready',
      client: <S extends ServiceDefinition>(definition: S) => {
        const answers = this.#services.get(definition.fullName) ?? {};
        const methods = Object.entries(answers).map(([name, method]) => [
          name,
          (request: never) => {
            this.requests.push(request);
            return method(request);
          },
        ]);
        return Object.fromEntries(methods) as Client<S>;
      },
      onStateChange: () => () => undefined,
      connect: () => Promise.resolve(),
      close: () => undefined,
    };
  }
}

/** A transcript's file. */
export const testdata = (name: string): string => `src/cli/testdata/${name}`;
