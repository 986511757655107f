import type { AdmissionRequest } from '../registry/types.js';

/** True for the creation of a pod itself. */
export function createsPod(request: AdmissionRequest): boolean {
  return request.operation === 'CREATE' && isPod(request);
}

/** True for the creation of a pod itself, or an update of one. */
export function writesPod(request: AdmissionRequest): boolean {
  return createsPod(request) || (request.operation === 'UPDATE' && isPod(request));
}

function isPod(request: AdmissionRequest): boolean {
  const { kind, subresource } = request.context.target;
  return (
    kind.kind === 'Pod' && kind.group === '' && subresource === '' && request.object !== undefined
  );
}
