import type { AdmissionRequest } from '../registry/types.js';

/** True for the creation of a pod itself. */
export function createsPod(request: AdmissionRequest): boolean {
  const { kind, subresource } = request.context.target;
  return (
    request.operation === 'CREATE' &&
    kind.kind === 'Pod' &&
    kind.group === '' &&
    subresource === '' &&
    request.object !== undefined
  );
}
