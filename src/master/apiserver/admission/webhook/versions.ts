/** Objects of requests in the resource that a webhook or a policy asks for: another version, or another group. */
import { convertedTo, isSameVersion } from '../../../../api/equivalents.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { KubeObject } from '../../../../api/object.js';
import { formatGroupVersion } from '../../../../api/object.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';

/** The request as one that asks for another resource than the request's is shown it. */
export async function requestIn(
  objects: Objects,
  request: AdmissionRequest,
  as: KindDeclaration,
): Promise<AdmissionRequest> {
  const { kind } = request.context.target;
  if (isSameVersion(as, kind) || request.operation === 'CONNECT') return request;
  const shown = async (object: KubeObject | undefined): Promise<KubeObject | undefined> =>
    object?.kind === kind.kind ? await converted(objects, kind, object, as) : object;
  return { ...request, object: await shown(request.object), old: await shown(request.old) };
}

/** An object in another kind that is equivalent. @throws StatusError 500 with a conversion webhook's error */
export async function converted(
  { conversion }: Objects,
  kind: KindDeclaration,
  object: KubeObject,
  as: KindDeclaration,
): Promise<KubeObject> {
  if (object.apiVersion === formatGroupVersion(as.group, as.version)) return object;
  if (!conversion.asksWebhook(kind)) return convertedTo(kind, object, as);
  const [answer = object] = await conversion.convert(kind, as.version, [object]);
  return answer;
}
