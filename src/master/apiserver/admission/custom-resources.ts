import type { Objects } from '../registry/objects.js';
import { failure } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

/** No new objects of a definition that is going away. */
export function customResources(objects: Objects): AdmissionPlugin {
  return {
    name: 'CustomResourceTermination',
    handles: ({ operation, context: { target } }) => operation === 'CREATE' && target.kind.custom,
    mutate({ context: { target } }) {
      const { group, plural } = target.kind;
      const definitions = objects.watchCache.cache(
        'apiextensions.k8s.io/customresourcedefinitions',
      );
      const definition = definitions.get(`${plural}.${group}`)?.object();
      if (definition?.metadata.deletionTimestamp === undefined) return;
      const text = 'create not allowed while custom resource definition is terminating';
      throw failure(405, 'MethodNotAllowed', text, { group, kind: plural });
    },
  };
}
