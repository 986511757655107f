/** Whether a definition in a group of Kubernetes itself has its approval (KEP-1111). Pure. */
import { goQuote } from '../go-text/quote.js';
import { parseGoUrl } from '../go-text/url.js';
import { given } from '../schema/node.js';
import type { CustomResourceDefinition } from './schemas.js';

/** The annotation that says where the approval is, or that there is none. */
export const approvalAnnotation = 'api-approved.kubernetes.io';

/** What the annotation comes to: the reason of the condition, and its message. */
export interface Approval {
  readonly state:
    | 'ApprovedAnnotation'
    | 'InvalidAnnotation'
    | 'MissingAnnotation'
    | 'UnapprovedAnnotation'
    | 'Unprotected';
  readonly message: string;
}

const page = 'see https://github.com/kubernetes/enhancements/pull/1111';
const head = `protected groups must have approval annotation "${approvalAnnotation}"`;

/** Reads the approval of a definition; other groups need none. */
export function approvalOf({ metadata, spec }: CustomResourceDefinition): Approval {
  const { group = '' } = given(spec);
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return { state: 'Unprotected', message: '' };
  const text = metadata.annotations?.[approvalAnnotation] ?? '';
  if (text === '') return { state: 'MissingAnnotation', message: `${head}, ${page}` };
  if (text.startsWith('unapproved')) {
    return { state: 'UnapprovedAnnotation', message: `not approved: ${goQuote(text)}` };
  }
  const url = parseGoUrl(text);
  if (typeof url !== 'string' && url.host !== '' && url.scheme !== '') {
    return { state: 'ApprovedAnnotation', message: `approved in ${text}` };
  }
  const message = `${head} with either a URL or a reason starting with "unapproved", ${page}`;
  return { state: 'InvalidAnnotation', message };
}
