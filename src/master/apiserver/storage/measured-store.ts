import type { Clock } from '../../../lib/clock.js';
import { registryPrefix } from './keys.js';
import type { Store } from './store.js';

/** kube-apiserver's names of what it asks the store for. */
export type StoreOperation = 'get' | 'list' | 'create' | 'update' | 'delete';

/** A call of the store that has ended. */
export interface FinishedStoreCall {
  readonly operation: StoreOperation;
  /** The resource, as `pods` or `deployments.apps`; empty for several. */
  readonly type: string;
  readonly failed: boolean;
  readonly elapsedMs: number;
}

/** A store whose calls are told, each when it has ended. Watches go on untold. */
export function measuredStore(
  store: Store,
  clock: Pick<Clock, 'monotonicMs'>,
  onCall: (call: FinishedStoreCall) => void,
): Store {
  const told = async <T>(
    operation: StoreOperation,
    key: string,
    run: () => Promise<T>,
  ): Promise<T> => {
    const startedMs = clock.monotonicMs();
    let failed = true;
    try {
      const answer = await run();
      failed = false;
      return answer;
    } finally {
      const elapsedMs = clock.monotonicMs() - startedMs;
      onCall({ operation, type: typeOf(key), failed, elapsedMs });
    }
  };
  return {
    get: (key) => told('get', key, () => store.get(key)),
    range: (options) => told('list', options.start, () => store.range(options)),
    revision: () => store.revision(),
    txn: (guards, ops) => {
      const [op] = ops;
      const isNew = guards.some(({ key, modRevision }) => key === op?.key && modRevision === 0);
      const operation = op?.type === 'delete' ? 'delete' : isNew ? 'create' : 'update';
      return told(operation, op?.key ?? '', () => store.txn(guards, ops));
    },
    watch: (prefix, fromRevision, handlers) => store.watch(prefix, fromRevision, handlers),
    close: () => store.close(),
  };
}

/** The resource of a key: `/registry/pods/…`, `/registry/apps/deployments/…`. */
function typeOf(key: string): string {
  if (!key.startsWith(registryPrefix)) return '';
  const [first = '', second = ''] = key.slice(registryPrefix.length).split('/', 2);
  return groupsWithoutDot.has(first) || first.includes('.') ? `${second}.${first}` : first;
}

/** The groups whose names have no dot; a resource is never named so. */
const groupsWithoutDot = new Set(['apps', 'autoscaling', 'batch', 'extensions', 'policy']);
