import type { Namespace } from '../../../api/types/core.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { forbidden, notFound, StatusError } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

const immortal = new Set(['default', 'kube-system', 'kube-public']);
const namespaces = { group: '', resource: 'namespaces' };

/** No object in a namespace that is not there or is going away; the system's namespaces cannot be deleted. */
export function namespaceLifecycle(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('namespaces');
  const find = async (name: string): Promise<Namespace | undefined> => {
    const known = cache.get(name);
    if (known !== undefined) return known.object<Namespace>();
    await objects.watchCache.fresh();
    return cache.get(name)?.object<Namespace>();
  };
  const refuse = (request: AdmissionRequest, namespace: string): StatusError => {
    const { kind } = request.context.target;
    const name = request.object?.metadata.name ?? '';
    const text = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const error = forbidden(errorTarget(kind), name, text);
    const cause = {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    };
    const details = { ...error.status.details, causes: [cause] };
    return new StatusError({ ...error.status, details });
  };
  return {
    name: 'NamespaceLifecycle',
    handles: ({ operation, context: { target } }) =>
      operation === 'DELETE'
        ? target.kind.kind === 'Namespace' && target.kind.group === ''
        : operation === 'CREATE' && target.kind.namespaced && !target.kind.virtual,
    validate({ operation, context: { target } }) {
      if (operation !== 'DELETE' || !immortal.has(target.name)) return;
      throw forbidden(namespaces, target.name, 'this namespace may not be deleted');
    },
    async mutate(request) {
      const { namespace } = request.context.target;
      if (request.operation !== 'CREATE') return;
      const found = await find(namespace);
      if (found === undefined) throw notFound(namespaces, namespace);
      const ending = found.metadata.deletionTimestamp !== undefined;
      if (ending || found.status?.phase === 'Terminating') throw refuse(request, namespace);
    },
  };
}
