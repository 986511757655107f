import { cloneJson } from '../../../api/clone.js';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { Deleter } from '../registry/deleter.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { systemUser } from '../registry/types.js';
import { isStatusError } from '../status.js';
import {
  cleanupFinalizer,
  conditionOf,
  setTerminating,
} from '../../../api/apiextensions/definition-status.js';

/** Admits every deletion: the definition of the objects is going away. */
const noAdmission = {
  mutate: () => Promise.resolve(),
  validate: () => Promise.resolve(),
};

/**
 * Takes one step of a definition's end: deletes the objects that are left, and frees the definition when there are
 * none. Any number of masters may do this at once.
 * @param kind the definition's own kind; `instances` one of the kinds that it declares
 * @returns true when the definition is free to go
 */
export async function cleanUpDefinition(
  objects: Objects,
  options: {
    readonly kind: KindDeclaration;
    readonly name: string;
    readonly instances: KindDeclaration | undefined;
  },
): Promise<boolean> {
  const { kind, name, instances } = options;
  const place = { kind, namespace: '', name };
  if (instances !== undefined) {
    await objects.watchCache.fresh();
    const left = [...objects.cache(instances).list()];
    if (left.length > 0) {
      await objects.change(place, (old) => {
        const next = cloneJson(old) as CustomResourceDefinition;
        const isKnown = next.status?.conditions?.some(
          (item) => item.type === 'Terminating' && item.reason === 'InstanceDeletionInProgress',
        );
        if (isKnown === true && conditionOf(next, 'Terminating') === 'True') return { next: old };
        setTerminating(next, 'InstanceDeletionInProgress', objects.now());
        return { next };
      });
      const deleter = new Deleter({ objects, admission: noAdmission });
      for (const entry of left) {
        await removeInstance(deleter, instances, entry.namespace, entry.name);
      }
      await objects.watchCache.fresh();
      for (const _ of objects.cache(instances).list()) return false;
    }
  }
  await objects.change(place, (old) => {
    const finalizers = (old.metadata.finalizers ?? []).filter((item) => item !== cleanupFinalizer);
    if (finalizers.length === 0) return { next: undefined };
    return { next: { ...old, metadata: { ...old.metadata, finalizers } } };
  });
  return true;
}

async function removeInstance(
  deleter: Deleter,
  kind: KindDeclaration,
  namespace: string,
  name: string,
): Promise<void> {
  const context: RequestContext = {
    user: systemUser,
    target: { kind, namespace, name, subresource: '' },
    options: {
      dryRun: false,
      fieldManager: 'kube-apiserver',
      fieldValidation: 'Ignore',
      force: false,
    },
    warnings: [],
  };
  try {
    await deleter.delete(context, { dryRun: false });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
