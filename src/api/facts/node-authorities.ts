/** What a node says of the authorities that it believes, and of its certificates: annotations of its Node object. */
import type { Node } from '../types/core.js';
import { findCondition } from './conditions.js';

/** The annotations, which the node's agent writes. */
export const nodeAnnotations = {
  believes: 'trireme.dev/authorities',
  signedBy: 'trireme.dev/certificates-signed-by',
  end: 'trireme.dev/certificates-end',
} as const;

/** The node as a rotation of keys sees it. */
export interface NodeAuthorities {
  readonly name: string;
  readonly isReady: boolean;
  readonly believes: readonly string[];
  readonly signedBy: string;
}

/** Reads them. */
export function authoritiesOf({ metadata, status }: Node): NodeAuthorities {
  const { annotations = {} } = metadata;
  return {
    name: metadata.name,
    isReady: findCondition(status?.conditions, 'Ready')?.status === 'True',
    believes: (annotations[nodeAnnotations.believes] ?? '')
      .split(',')
      .filter((hash) => hash !== ''),
    signedBy: annotations[nodeAnnotations.signedBy] ?? '',
  };
}
