/** The API server's objects on a store in memory, for tests of what stands on them. */
import { cloneJson } from '../../../api/clone.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { parseGroupVersion } from '../../../api/object.js';
import { ManualClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { systemRandom } from '../../../lib/random.js';
import type { AdmissionPlugin } from '../admission/chain.js';
import { WatchCache } from '../cache/watch-cache.js';
import type { Place } from '../registry/objects.js';
import { Objects } from '../registry/objects.js';
import type { AdmissionRequest, RequestContext, UserInfo } from '../registry/types.js';
import { plainValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';

/** Somebody without any rights of their own. */
export const somebody: UserInfo = { name: 'jane', groups: ['system:authenticated'] };

/** The parts of a request that a test cares about; the rest follows from the object. */
export interface Asked {
  readonly operation?: AdmissionRequest['operation'];
  readonly old?: object;
  readonly user?: UserInfo;
  readonly subresource?: string;
  readonly dryRun?: boolean;
}

/** An object as tests write it: no more than what matters. */
export interface Draft {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Objects in a store of their own, and requests about them. */
export class ApiBench {
  readonly clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  readonly store = new MemoryStore();
  readonly kinds = builtInRegistry();
  readonly watchCache: WatchCache;
  readonly objects: Objects;

  private constructor() {
    const { clock, store } = this;
    const parts = { store, clock, log: silentLogger, values: plainValues };
    this.watchCache = new WatchCache(parts);
    this.objects = new Objects({ ...parts, watchCache: this.watchCache, random: systemRandom });
  }

  static async create(): Promise<ApiBench> {
    const bench = new ApiBench();
    await bench.watchCache.start();
    return bench;
  }

  kind(apiVersion: string, kind: string): KindDeclaration {
    const { group, version } = parseGroupVersion(apiVersion);
    const found = this.kinds.byKind(group, version, kind);
    if (found === undefined) throw new Error(`no kind ${apiVersion} ${kind}`);
    return found;
  }

  place({ apiVersion, kind, metadata: { name, namespace = '' } }: Draft): Place {
    return { kind: this.kind(apiVersion, kind), namespace, name };
  }

  /** Stores the objects, which the caches show when this resolves. */
  async add(...drafts: readonly Draft[]): Promise<void> {
    for (const draft of drafts) {
      await this.objects.create(this.place(draft), cloneJson(draft));
    }
    await this.watchCache.fresh();
  }

  async remove(draft: Draft): Promise<void> {
    await this.objects.change(this.place(draft), () => ({ next: undefined }));
    await this.watchCache.fresh();
  }

  /** The object as the store has it. */
  async present<T extends KubeObject>(draft: Draft): Promise<T> {
    return (await this.objects.get(this.place(draft))).parse<T>();
  }

  context(draft: Draft, asked: Asked = {}): RequestContext {
    const { user = somebody, subresource = '', dryRun = false } = asked;
    return {
      user,
      target: { ...this.place(draft), subresource },
      options: { dryRun, fieldManager: 'test', fieldValidation: 'Ignore', force: false },
      warnings: [],
    };
  }

  /** A request to write the object, which plugins may change; by default its creation. */
  request(draft: Draft, asked: Asked = {}): AdmissionRequest {
    const { operation = asked.old === undefined ? 'CREATE' : 'UPDATE', old } = asked;
    return {
      operation,
      context: this.context(draft, asked),
      object: operation === 'DELETE' ? undefined : cloneJson(draft),
      old: old === undefined ? undefined : (cloneJson(old) as KubeObject),
    };
  }
}

/**
 * Lets one plugin see the request as the chain does.
 * @returns the object as the plugin leaves it @throws StatusError when it refuses
 */
export async function admit<T = KubeObject>(
  plugin: AdmissionPlugin,
  request: AdmissionRequest,
): Promise<T> {
  if (plugin.handles(request)) {
    await plugin.mutate?.(request);
    await plugin.validate?.(request);
  }
  return request.object as T;
}

/** The words with which a plugin refuses; undefined when it lets the request pass. */
export async function refusal(
  plugin: AdmissionPlugin,
  request: AdmissionRequest,
): Promise<string | undefined> {
  return admit(plugin, request).then(
    () => undefined,
    (error: unknown) => {
      const { code, message } = error as { readonly code: number; readonly message: string };
      return `${code} ${message}`;
    },
  );
}
