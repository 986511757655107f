/** Names and descriptions of operations, those that Kubernetes gives them: generated clients are named by them. */
import type { KindDeclaration, Subresource, Verb } from '../kind.js';

/** The verb of an operation and the kind it acts on. */
export interface Operation {
  readonly verb: Verb;
  readonly kind: KindDeclaration;
  readonly subresource?: Subresource;
  /** True for a list over all namespaces. */
  readonly everywhere?: boolean;
}

const words: Readonly<Partial<Record<Verb, string>>> = {
  get: 'read',
  update: 'replace',
  deletecollection: 'delete',
};
const methods: Readonly<Partial<Record<Verb, string>>> = { create: 'post', update: 'put' };

/** The HTTP method that stands for a verb of one object, in lower case. */
function methodOf(verb: Verb): string {
  return methods[verb] ?? verb;
}

function camel(text: string): string {
  return text.replace(/(^|[-./])([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}

function groupOf({ group }: KindDeclaration): string {
  return group === '' ? 'core' : group.replace(/\.k8s\.io$/, '');
}

/** The tag of a kind's operations: `core_v1`, `rbacAuthorization_v1`, `exampleCom_v1`. */
export function tagOf(kind: KindDeclaration): string {
  const name = camel(groupOf(kind));
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${kind.version}`;
}

/** The value of `x-kubernetes-action`: `list`, `post`, `connect`. */
export function actionOf({ verb, subresource }: Operation): string {
  return connects(subresource) ? 'connect' : methodOf(verb);
}

/** True for a stream or a proxy: its operations are all `connect`. */
function connects(subresource: Subresource | undefined): boolean {
  return subresource?.kind?.endsWith('Options') === true;
}

/** The operation's id, one of its kind in a document: `listCoreV1PodForAllNamespaces`. */
export function operationId({ verb, kind, subresource, everywhere }: Operation): string {
  const home = `${camel(groupOf(kind))}${camel(kind.version)}`;
  const scope = kind.namespaced && everywhere !== true ? 'Namespaced' : '';
  const what = `${scope}${kind.kind}${camel(subresource?.name ?? '')}`;
  if (connects(subresource)) return `connect${home}${camel(methodOf(verb))}${what}`;
  const many = verb === 'deletecollection' ? 'Collection' : '';
  const end = everywhere === true ? 'ForAllNamespaces' : '';
  return `${words[verb] ?? verb}${home}${many}${what}${end}`;
}

/** A name with its article; a plural such as Endpoints has none. */
function withArticle(name: string): string {
  if (/[^s]s$/.test(name)) return name;
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** The description of an operation in Kubernetes' words: `partially update status of the specified Pod`. */
export function operationText({ verb, kind, subresource }: Operation): string {
  const of = subresource === undefined ? '' : `${subresource.name} of `;
  const name = kind.kind;
  if (connects(subresource))
    return `connect ${methodOf(verb).toUpperCase()} requests to ${of}${name}`;
  switch (verb) {
    case 'list':
      return `list ${!kind.custom && kind.verbs.includes('watch') ? 'or watch ' : ''}objects of kind ${name}`;
    case 'deletecollection':
      return `delete collection of ${name}`;
    case 'create':
    case 'delete':
      return `${verb} ${of}${withArticle(name)}`;
    case 'patch':
      return `partially update ${of}the specified ${name}`;
    default:
      return `${words[verb] ?? verb} ${of}the specified ${name}`;
  }
}
