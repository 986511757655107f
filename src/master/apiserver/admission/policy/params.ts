/** Finds the parameters of a binding (apiserver `policy/generic` CollectParams). */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../../api/admission/policy-schemas.js';
import { compileSelector } from '../../../../api/facts/selectors.js';
import { objectKey } from '../../../../api/facts/keys.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { KubeObject } from '../../../../api/object.js';
import type { KindRegistry } from '../../../../api/registry.js';
import { apiVersionOf } from '../../../../api/validation/metadata.js';
import type { Objects } from '../../registry/objects.js';

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type BindingSpec = NonNullable<ValidatingAdmissionPolicyBinding['spec']>;

/** The places where parameters are looked for. */
export interface ParamSources {
  readonly kinds: KindRegistry;
  readonly objects: Pick<Objects, 'cache'>;
}

/**
 * Returns the objects that a policy is evaluated with, one after the other; null stands for no parameters.
 * @returns an Error for a policy or binding that cannot be followed
 */
export function collectParams(
  { paramKind }: Spec,
  { paramRef }: BindingSpec,
  namespace: string,
  { kinds, objects }: ParamSources,
): readonly (KubeObject | null)[] | Error {
  if (paramKind === undefined || paramRef === undefined) return [null];
  const { apiVersion = '', kind: name = '' } = paramKind;
  const parts = apiVersion.split('/');
  const [group = '', version = ''] = parts.length === 2 ? parts : ['', apiVersion];
  const kind = kinds.byKind(group, version, name);
  if (kind === undefined) {
    const text = `&ParamKind{APIVersion:${apiVersion},Kind:${name},}`;
    return new Error(`paramKind kind \`${text}\` not known`);
  }
  let where = '';
  if (kind.namespaced) {
    where = (paramRef.namespace ?? '') === '' ? namespace : (paramRef.namespace ?? '');
    if (where === '') {
      return new Error(
        'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
      );
    }
  } else if ((paramRef.namespace ?? '') !== '') {
    return new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const found = lookUp(kind, paramRef, where, objects);
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
    return new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found;
}

function lookUp(
  kind: KindDeclaration,
  ref: NonNullable<BindingSpec['paramRef']>,
  namespace: string,
  objects: Pick<Objects, 'cache'>,
): KubeObject[] {
  const cache = objects.cache(kind);
  const read = (object: KubeObject): KubeObject => {
    const copy = structuredClone(object);
    kind.fromStorage?.(copy);
    copy.apiVersion = apiVersionOf(kind);
    copy.kind = kind.kind;
    return copy;
  };
  if ((ref.name ?? '') !== '') {
    const entry = cache.get(objectKey({ namespace, name: ref.name ?? '' }));
    return entry === undefined ? [] : [read(entry.object())];
  }
  const matches = compileSelector(ref.selector ?? {});
  const entries = namespace === '' ? cache.list() : cache.list(namespace);
  return [...entries]
    .map((entry) => entry.object())
    .filter(({ metadata }) => matches(metadata.labels))
    .map(read);
}
