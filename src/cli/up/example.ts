import type { KubeObject } from '../../api/object.js';
import type { Deployment, StatefulSet } from '../../api/types/workloads.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ResourceId } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { packageRoot } from '../home.js';
import { builtInOf } from '../kube/built-in-resources.js';
import type { Progress } from './progress.js';
import type { AdminConnection } from './wait.js';

/** The namespace of the example that `up` runs. */
export const exampleNamespace = 'example';

type Workload = Deployment | StatefulSet;

/** Applies `examples/web.yaml` and waits until its workloads have rolled out. */
export async function applyExample(admin: AdminConnection, progress: Progress): Promise<void> {
  const text = await readFile(join(packageRoot, 'examples', 'web.yaml'), 'utf8');
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object): object is KubeObject => object !== null);
  const workloads: { readonly resource: ResourceId; readonly object: KubeObject }[] = [];
  for (const object of objects) {
    const found = builtInOf(object.apiVersion ?? '', object.kind ?? '');
    if (found === undefined) throw new TypeError(`no kind ${object.kind ?? ''}`);
    const { group, version, plural } = found;
    const resource: ResourceId = { group, version, resource: plural };
    await createIfMissing(admin, resource, object);
    if (resource.group === 'apps') workloads.push({ resource, object });
  }
  progress.say('applied the example');
  for (const { resource, object } of workloads) {
    const { name, namespace = '' } = object.metadata;
    await progress.until(`${resource.resource}/${name} has rolled out`, 180_000, async () => {
      const found = await admin.api.get<Workload>(resource, { namespace, name });
      const wanted = found.spec?.replicas ?? 1;
      const status = found.status ?? {};
      const done =
        status.observedGeneration === found.metadata.generation &&
        (status.readyReplicas ?? 0) >= wanted &&
        (status.updatedReplicas ?? wanted) >= wanted;
      return done ? true : undefined;
    });
    progress.say(`${resource.resource}/${name} has rolled out`);
  }
}

/** Creates an object that is missing; one that is there stays as it is: the user may have changed it. */
async function createIfMissing(
  admin: AdminConnection,
  resource: ResourceId,
  object: KubeObject,
): Promise<void> {
  try {
    await admin.api.get(resource, object.metadata);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    await admin.api.create(resource, object);
  }
}
