/** Objects as the versions of their kind have them, in which managers own fields. */
import { convertedTo, equivalentsOf } from '../equivalents.js';
import type { KindDeclaration } from '../kind.js';
import type { KubeObject } from '../object.js';
import type { SchemaNode } from '../schema/node.js';
import { apiVersionOf } from '../validation/metadata.js';
import type { Comparison } from './typed.js';
import { compare } from './typed.js';

/** One version. */
export interface View {
  readonly kind: KindDeclaration;
  readonly schema: SchemaNode;
  /** An object as this version has it. @param from the version that it is in; the writer's own by default */
  show(object: KubeObject, from?: View): KubeObject;
  /** The differences between two objects of the writer's version. */
  compare(before: KubeObject | undefined, after: KubeObject): Comparison;
}

/** The versions of one kind, for one write. */
export class Views {
  readonly own: View;
  readonly #kind: KindDeclaration;
  readonly #known = new Map<string, View | undefined>();

  /** @param kind in the version of the write */
  constructor(kind: KindDeclaration) {
    this.#kind = kind;
    this.own = viewOf(kind, kind);
    this.#known.set(apiVersionOf(kind), this.own);
  }

  /** The version of an entry; undefined for one that there is not, or not any more. */
  of(apiVersion = ''): View | undefined {
    if (this.#known.has(apiVersion)) return this.#known.get(apiVersion);
    const as = equivalentsOf(this.#kind).find((other) => apiVersionOf(other) === apiVersion);
    const view = as === undefined ? undefined : viewOf(this.#kind, as);
    this.#known.set(apiVersion, view);
    return view;
  }
}

function viewOf(kind: KindDeclaration, as: KindDeclaration): View {
  const show: View['show'] = (object, from) => {
    const source = from?.kind ?? kind;
    return source === as ? object : convertedTo(source, object, as);
  };
  return {
    kind: as,
    schema: as.schema,
    show,
    compare(before, after) {
      const shown = before === undefined ? {} : show(before);
      return compare(as.schema, shown, show(after));
    },
  };
}
