/** ComponentStatus: computed at each read, stored nowhere. */
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Lease } from '../../../api/types/policy.js';
import { Entry } from '../cache/entry.js';
import { notFound } from '../status.js';
import type { Objects } from './objects.js';
import type { VirtualReader } from './types.js';

/** The elected components, by their short name and their Lease's. */
const elected: readonly (readonly [string, string])[] = [
  ['scheduler', 'kube-scheduler'],
  ['controller-manager', 'kube-controller-manager'],
];
/** A lease may be overdue by as much again before its holder counts as gone. */
const toleratedLeases = 2;

/** Reads the ComponentStatus of each component: of elected ones by their Lease, of the store by a read. */
export function componentStatusReader(objects: Objects, leases: KindDeclaration): VirtualReader {
  const all = async (): Promise<Entry[]> => {
    const found = elected.map(([name, lease]) => status(name, leaseFault(objects, leases, lease)));
    found.push(status('etcd-0', await storeFault(objects)));
    return found
      .map((object) => new Entry(object.metadata.name, Buffer.from(JSON.stringify(object)), 0))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  };
  return {
    list: async (_, selection) => (await all()).filter((entry) => selection.matches(entry, {})),
    get: async (_, name) => {
      const entry = (await all()).find(({ key }) => key === name);
      if (entry !== undefined) return entry;
      throw notFound({ group: '', resource: 'componentstatuses' }, name);
    },
  };
}

function leaseFault(objects: Objects, kind: KindDeclaration, name: string): string {
  const lease = objects.cached({ kind, namespace: 'kube-system', name })?.parse<Lease>();
  const renewedMs = Date.parse(lease?.spec.renewTime ?? '');
  if (Number.isNaN(renewedMs)) return 'nobody holds the lease';
  const allowedMs = (lease?.spec.leaseDurationSeconds ?? 15) * 1_000 * toleratedLeases;
  return objects.clock.nowMs() - renewedMs > allowedMs ? 'the lease is not renewed' : '';
}

async function storeFault(objects: Objects): Promise<string> {
  try {
    await objects.store.revision();
    return '';
  } catch (error) {
    return String(error);
  }
}

function status(name: string, fault: string): KubeObject {
  const condition =
    fault === ''
      ? { type: 'Healthy', status: 'True', message: 'ok' }
      : { type: 'Healthy', status: 'False', message: fault, error: fault };
  const object: KubeObject & { conditions: readonly unknown[] } = {
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name },
    conditions: [condition],
  };
  return object;
}
