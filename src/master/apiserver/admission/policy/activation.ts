/** The values that expressions of admission may name, for one request. */
import type { Decide } from '../../../../api/cel/library/authorizer.js';
import { AuthorizerValue, ResourceCheck } from '../../../../api/cel/library/authorizer.js';
import { untypedValue } from '../../../../api/cel/kube/untyped.js';
import type { Value } from '../../../../api/cel/value.js';
import type { KubeObject } from '../../../../api/object.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { admissionFields, shownObject } from '../webhook/review.js';

/** The values of a request in one version of its kind; each is made when it is first asked for. */
export class RequestValues {
  readonly #request: AdmissionRequest;
  readonly #version: string;
  readonly #namespace: () => KubeObject | undefined;
  readonly #decide: Decide;
  readonly #made = new Map<string, Value>();

  /** @param request with the objects in `version` of their kind */
  constructor(
    request: AdmissionRequest,
    options: {
      readonly version: string;
      /** Finds the object's namespace, if it has one. */
      readonly namespace: () => KubeObject | undefined;
      readonly decide: Decide;
    },
  ) {
    this.#request = request;
    this.#version = options.version;
    this.#namespace = options.namespace;
    this.#decide = options.decide;
  }

  /** Reads a variable; undefined for one that there is not. */
  get(name: string): Value | undefined {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    if (made !== undefined) this.#made.set(name, made);
    return made;
  }

  #make(name: string): Value | undefined {
    const request = this.#request;
    switch (name) {
      case 'object':
        return untypedValue(shownObject(request, request.object));
      case 'oldObject':
        return untypedValue(shownObject(request, request.old));
      case 'request':
        return untypedValue(admissionFields(request, this.#version));
      case 'namespaceObject':
        return untypedValue(namespaceFields(this.#namespace()));
      case 'authorizer':
        return new AuthorizerValue(this.#decide);
      case 'authorizer.requestResource':
        return this.#requestResource();
      default:
        return undefined;
    }
  }

  #requestResource(): Value {
    const { kind, namespace, name, subresource } = this.#request.context.target;
    const parts = {
      group: kind.group,
      resource: kind.plural,
      subresource,
      namespace,
      name: name || (this.#request.object?.metadata.name ?? ''),
    };
    return new ResourceCheck(new AuthorizerValue(this.#decide), parts);
  }
}

/** The fields of a namespace that expressions may see. */
function namespaceFields(namespace: KubeObject | undefined): unknown {
  if (namespace === undefined) return null;
  const { metadata, spec, status } = namespace as KubeObject & { spec?: object; status?: object };
  const { ownerReferences: _owners, managedFields: _fields, uid, ...rest } = metadata;
  return { metadata: { ...rest, UID: uid }, spec, status };
}
