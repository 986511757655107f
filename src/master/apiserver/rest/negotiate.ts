import { acceptedTypes } from '../content/media-types.js';
import { notAcceptable } from '../status.js';

/** The format in which a client wants its answer. */
export interface Format {
  readonly type: 'json' | 'yaml';
  /** Asked-for transformation of objects. */
  readonly as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** Version of the transformation's kind: v1 or v1beta1. */
  readonly asVersion: string;
}

/** The format of an answer to a client that names none. */
export const plainJson: Format = { type: 'json', as: undefined, asVersion: '' };

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

function parseClauses(accept: string): Clause[] {
  const clauses = accept.split(',').map((text): Clause => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const equals = part.indexOf('=');
        return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
      }),
    );
    const quality = Number(parameters.get('q') ?? '1');
    return { type: type.toLowerCase(), parameters, quality };
  });
  return clauses.sort((a, b) => b.quality - a.quality);
}

function mediaType(type: string): 'json' | 'yaml' | undefined {
  if (type === '' || type === '*/*' || type === 'application/*') return 'json';
  if (type === 'application/json') return 'json';
  return type === 'application/yaml' ? 'yaml' : undefined;
}

const transformations = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const;

/** Chooses the answer's format. @throws StatusError NotAcceptable */
export function negotiate(accept: string, transforms = true): Format {
  if (accept === '' || accept === '*/*' || accept === 'application/json') return plainJson;
  for (const clause of parseClauses(accept)) {
    const type = mediaType(clause.type);
    if (type === undefined) continue;
    const wanted = clause.parameters.get('as');
    if (wanted === undefined) return { ...plainJson, type };
    if (!transforms) continue;
    const as = transformations.find((candidate) => candidate === wanted);
    const asVersion = clause.parameters.get('v') ?? 'v1';
    const group = clause.parameters.get('g') ?? 'meta.k8s.io';
    if (as === undefined || group !== 'meta.k8s.io') continue;
    if (asVersion !== 'v1' && asVersion !== 'v1beta1') continue;
    return { type, as, asVersion };
  }
  throw notAcceptable(acceptedTypes);
}
