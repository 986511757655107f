/** The values that expressions of admission may name, for one request. */
import type { Decide } from '../../../../api/cel/library/authorizer.js';
import { AuthorizerValue, ResourceCheck } from '../../../../api/cel/library/authorizer.js';
import { untypedValue } from '../../../../api/cel/kube/untyped.js';
import type { Value } from '../../../../api/cel/value.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { KubeObject } from '../../../../api/object.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { admissionFields, shownObject } from '../webhook/review.js';
import { formatJson } from '../../../../lib/json.js';

/** The data of a request that expressions see; plain JSON, so that it can be evaluated beside the event loop. */
export interface RequestData {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
  readonly namespaceObject: unknown;
  readonly requestResource: ResourceCheck['parts'];
  /** Parameters of a policy; null for none. */
  readonly params: unknown;
}

/** The data of a request as one of an equivalent kind; each is made when it is first asked for. */
export class AskedData implements RequestData {
  readonly #request: AdmissionRequest;
  readonly #as: KindDeclaration;
  readonly #namespace: () => KubeObject | undefined;
  readonly params: unknown;
  #fields: object | undefined;

  /** @param request with the objects as ones of the kind `as` */
  constructor(
    request: AdmissionRequest,
    options: {
      readonly as: KindDeclaration;
      /** Finds the object's namespace, if it has one. */
      readonly namespace: () => KubeObject | undefined;
      readonly params: unknown;
    },
  ) {
    this.#request = request;
    this.#as = options.as;
    this.#namespace = options.namespace;
    this.params = options.params;
  }

  get object(): unknown {
    return shownObject(this.#request, this.#request.object);
  }

  get oldObject(): unknown {
    return shownObject(this.#request, this.#request.old);
  }

  get request(): unknown {
    return (this.#fields ??= admissionFields(this.#request, this.#as));
  }

  get namespaceObject(): unknown {
    return namespaceFields(this.#namespace());
  }

  get requestResource(): ResourceCheck['parts'] {
    const { kind, namespace, name, subresource } = this.#request.context.target;
    return {
      group: kind.group,
      resource: kind.plural,
      subresource,
      namespace,
      name: name || (this.#request.object?.metadata.name ?? ''),
    };
  }
}

/** Writes the data for another thread. */
export function dataText(data: RequestData): string {
  const { object, oldObject, request, namespaceObject, requestResource, params } = data;
  return formatJson({ object, oldObject, request, namespaceObject, requestResource, params });
}

/** The values of a request's data; each is made when it is first asked for. */
export class RequestValues {
  readonly #data: RequestData;
  readonly #decide: Decide;
  readonly #made = new Map<string, Value>();

  constructor(data: RequestData, decide: Decide) {
    this.#data = data;
    this.#decide = decide;
  }

  /** Reads a variable; undefined for one that there is not. */
  readonly get = (name: string): Value | undefined => {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    if (made !== undefined) this.#made.set(name, made);
    return made;
  };

  #make(name: string): Value | undefined {
    switch (name) {
      case 'object':
      case 'oldObject':
      case 'request':
      case 'namespaceObject':
      case 'params':
        return untypedValue(this.#data[name]);
      case 'authorizer':
        return new AuthorizerValue(this.#decide);
      case 'authorizer.requestResource':
        return new ResourceCheck(new AuthorizerValue(this.#decide), this.#data.requestResource);
      default:
        return undefined;
    }
  }
}

/** The fields of a namespace that expressions may see. */
function namespaceFields(namespace: KubeObject | undefined): unknown {
  if (namespace === undefined) return null;
  const { metadata, spec, status } = namespace as KubeObject & { spec?: object; status?: object };
  const { ownerReferences: _owners, managedFields: _fields, uid, ...rest } = metadata;
  return { metadata: { ...rest, UID: uid }, spec, status };
}
