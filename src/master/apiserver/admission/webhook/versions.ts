/** Objects of requests in the version that a webhook or a policy asks for. */
import type { KindDeclaration } from '../../../../api/kind.js';
import type { KubeObject } from '../../../../api/object.js';
import { formatGroupVersion } from '../../../../api/object.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';

/** The request as one that asks for another version than the request's is shown it. */
export async function requestIn(
  objects: Objects,
  request: AdmissionRequest,
  version: string,
): Promise<AdmissionRequest> {
  const { kind } = request.context.target;
  if (version === kind.version || request.operation === 'CONNECT') return request;
  const shown = async (object: KubeObject | undefined): Promise<KubeObject | undefined> =>
    object?.kind === kind.kind ? await inVersion(objects, kind, object, version) : object;
  return { ...request, object: await shown(request.object), old: await shown(request.old) };
}

/** A custom object in another version of its kind. @throws StatusError 500 with a conversion webhook's error */
export async function inVersion(
  { conversion }: Objects,
  kind: KindDeclaration,
  object: KubeObject,
  version: string,
): Promise<KubeObject> {
  const apiVersion = formatGroupVersion(kind.group, version);
  if (object.apiVersion === apiVersion) return object;
  if (!conversion.asksWebhook(kind)) return { ...object, apiVersion };
  const [converted = object] = await conversion.convert(kind, version, [object]);
  return converted;
}
