import { formatGroupVersion } from '../../../api/object.js';
import type { APIService } from '../../../api/types/policy.js';
import type { CacheEvent, CacheObserver } from '../cache/observers.js';
import type { ResourceCache } from '../cache/resource-cache.js';

/** What the server of an APIService said of itself when it was asked last. */
export interface Learned {
  /** The resources of an `APIResourceList`. */
  readonly resources: readonly unknown[];
  /** Its OpenAPI of version 2; undefined where it has none. */
  readonly openApi: object | undefined;
  /** The hash of its OpenAPI of version 3; undefined where it has none. */
  readonly openApiHash: string | undefined;
}

/** A group and version that another server serves. */
export interface RemoteApi {
  readonly service: APIService;
  readonly group: string;
  readonly version: string;
  readonly isAvailable: boolean;
  /** Undefined until the server has answered for the first time. */
  readonly learned: Learned | undefined;
}

/** The APIServices whose groups and versions other servers serve, as they are now. */
export class RemoteApis implements CacheObserver {
  readonly #cache: ResourceCache;
  readonly #remote = new Map<string, RemoteApi>();
  #stop: (() => void) | undefined;

  constructor(cache: ResourceCache) {
    this.#cache = cache;
  }

  /** The cache must be loaded. */
  start(): void {
    this.#stop = this.#cache.observe(this);
    this.onReset();
  }

  stop(): void {
    this.#stop?.();
  }

  /** The server of a group and version, if it is not this one. */
  find(group: string, version: string): RemoteApi | undefined {
    return this.#remote.size === 0
      ? undefined
      : this.#remote.get(formatGroupVersion(group, version));
  }

  /** The server of the group and version that a path below `/apis/` begins with. */
  ofPath(path: string): RemoteApi | undefined {
    if (this.#remote.size === 0) return undefined;
    const [empty, root, group = '', version = ''] = path.split('/');
    return empty === '' && root === 'apis' ? this.find(group, version) : undefined;
  }

  list(): readonly RemoteApi[] {
    return [...this.#remote.values()];
  }

  learn(api: Pick<RemoteApi, 'group' | 'version'>, learned: Learned): void {
    const key = formatGroupVersion(api.group, api.version);
    const known = this.#remote.get(key);
    if (known !== undefined) this.#remote.set(key, { ...known, learned });
  }

  onEvent(event: CacheEvent): void {
    const service = event.entry.object<APIService>();
    if (event.type === 'DELETED') this.#remote.delete(keyOf(service));
    else this.#put(service);
  }

  onReset(): void {
    const present = [...this.#cache.list()].map((entry) => entry.object<APIService>());
    const keys = new Set(present.map(keyOf));
    for (const key of this.#remote.keys()) if (!keys.has(key)) this.#remote.delete(key);
    for (const service of present) this.#put(service);
  }

  #put(service: APIService): void {
    const { group = '', version = '' } = service.spec;
    const key = keyOf(service);
    // The core group is this server's, whatever an object says.
    if (service.spec.service === undefined || group === '') {
      this.#remote.delete(key);
      return;
    }
    const isAvailable = availabilityOf(service)?.status === 'True';
    const known = this.#remote.get(key);
    const isSame = known !== undefined && known.service.metadata.uid === service.metadata.uid;
    const learned = isSame ? known.learned : undefined;
    this.#remote.set(key, { service, group, version, isAvailable, learned });
  }
}

function keyOf({ spec }: APIService): string {
  return formatGroupVersion(spec.group ?? '', spec.version ?? '');
}

/** The condition that says whether a server can be reached. */
export type Availability = NonNullable<NonNullable<APIService['status']>['conditions']>[number];

/** The condition `Available`, if there is one yet. */
export function availabilityOf({ status }: APIService): Availability | undefined {
  return status?.conditions?.find(({ type }) => type === 'Available');
}
