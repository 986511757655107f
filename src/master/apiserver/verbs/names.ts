/** Names in requests: which object of which resource is meant, and which texts can be names at all. */
import { parseTerms } from '../../../api/facts/field-terms.js';

/** The name in a request of a resource or an object: nothing of it needs to exist. */
export interface ResourceName {
  readonly group: string;
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty for cluster scope and for all namespaces. */
  readonly namespace: string;
  /** Empty for collections. */
  readonly name: string;
}

/** Why a text cannot be a segment of a path (apimachinery's `IsValidPathSegmentName`); undefined when it can. */
export function segmentFault(text: string): string | undefined {
  if (text === '.' || text === '..') return `may not be '${text}'`;
  if (text.includes('/')) return "may not contain '/'";
  if (text.includes('%')) return "may not contain '%'";
  return undefined;
}

/** Matches a text that cannot be a segment of a path. */
const unplain = /[/%]|^\.\.?$/;

/** True when group, version, resource, subresource and namespace could stand in a path one by one. */
export function hasPlainSegments(name: ResourceName): boolean {
  return !(
    unplain.test(name.group) ||
    unplain.test(name.version) ||
    unplain.test(name.resource) ||
    (name.subresource !== '' && unplain.test(name.subresource)) ||
    (name.namespace !== '' && unplain.test(name.namespace))
  );
}

/**
 * The one name that a field selector leaves, as apiserver's `RequestInfoFactory` reads it: rules with resourceNames
 * then apply to a list or a watch. Empty when there is none, or when the selector cannot be read, which the verb will
 * refuse.
 */
export function selectedName(fieldSelector: string): string {
  if (!fieldSelector.includes('metadata.name')) return '';
  const terms = parseTerms(fieldSelector);
  const term = terms?.find(({ field, equal }) => equal && field === 'metadata.name');
  return term === undefined || segmentFault(term.value) !== undefined ? '' : term.value;
}
