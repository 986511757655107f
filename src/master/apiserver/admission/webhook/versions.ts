/** Objects of requests in the resource that a webhook or a policy asks for: another version, or another group. */
import { cloneJson } from '../../../../api/clone.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import { builtInKinds } from '../../../../api/kinds.js';
import type { KubeObject } from '../../../../api/object.js';
import { formatGroupVersion } from '../../../../api/object.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';

/**
 * The other resources that are the same objects: the versions of a definition, served or not, and built-in kinds that
 * share their storage (`EquivalentResourceRegistry`, whose key is the place in the store).
 */
export function equivalentsOf(kind: KindDeclaration): readonly KindDeclaration[] {
  if (kind.custom) {
    const versions = [...(kind.versions?.schemas.keys() ?? [])];
    return versions
      .filter((name) => name !== kind.version)
      .map((version) => ({ ...kind, version }));
  }
  return builtInKinds.filter(
    (other) =>
      other.storage.group === kind.storage.group &&
      other.storage.plural === kind.storage.plural &&
      !isSameKind(other, kind),
  );
}

/** True for the kind of the request itself. */
export function isSameKind(a: KindDeclaration, b: KindDeclaration): boolean {
  return a.group === b.group && a.version === b.version;
}

/** The request as one that asks for another resource than the request's is shown it. */
export async function requestIn(
  objects: Objects,
  request: AdmissionRequest,
  as: KindDeclaration,
): Promise<AdmissionRequest> {
  const { kind } = request.context.target;
  if (isSameKind(as, kind) || request.operation === 'CONNECT') return request;
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
  const apiVersion = formatGroupVersion(as.group, as.version);
  if (object.apiVersion === apiVersion) return object;
  if (!kind.custom) {
    const copy = cloneJson(object);
    kind.toStorage?.(copy);
    as.fromStorage?.(copy);
    return { ...copy, kind: as.kind, apiVersion };
  }
  if (!conversion.asksWebhook(kind)) return { ...object, apiVersion };
  const [answer = object] = await conversion.convert(kind, as.version, [object]);
  return answer;
}
