import { acceptedTypes, customTypes, watchTypes } from '../content/media-types.js';
import { protobufType } from '../content/protobuf-answers.js';
import { notAcceptable, notAvailable } from '../status.js';

/** The format in which a client wants its answer. */
export interface Format {
  readonly type: 'json' | 'yaml' | 'protobuf';
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
    const quality = Number(parameters.get('q') ?? '1') || 0;
    return { type: type.toLowerCase(), parameters, quality };
  });
  return clauses.sort((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
}

/** A type that is named goes before a pattern that takes it as well (goautoneg). */
function wildcards({ type }: Clause): number {
  return type.split('*').length - 1;
}

function mediaType(type: string): Format['type'] | undefined {
  if (type === protobufType) return 'protobuf';
  if (type === '' || type === '*/*' || type === 'application/*') return 'json';
  if (type === 'application/json') return 'json';
  return type === 'application/yaml' ? 'yaml' : undefined;
}

const transformations = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const;

/** The formats that an answer may have, beside JSON. */
export interface Offer {
  /** True where each object has a message: custom objects have none. */
  readonly protobuf: boolean;
  /** True for a watch, which comes as JSON or protobuf. */
  readonly stream?: boolean;
  /** False where no table is made: of what is answered and never stored. @default true */
  readonly table?: boolean;
  /**
   * The types that the path of a built-in resource has: one must be named, whatever parameters it has, and of the
   * patterns only that of all types counts. @default whatever can be made
   */
  readonly available?: readonly string[];
  /** The types that a refusal names. @default those that can be made */
  readonly accepted?: readonly string[];
}

const plainOffer: Offer = { protobuf: false };

/** Chooses the answer's format. No protobuf holds a table. @throws StatusError NotAcceptable */
export function negotiate(accept: string, offer: Offer = plainOffer): Format {
  if (accept === '' || accept === '*/*' || accept === 'application/json') return plainJson;
  const clauses = parseClauses(accept);
  if (
    offer.available !== undefined &&
    !clauses.some((clause) => namesOne(clause, offer.available ?? []))
  ) {
    throw notAvailable(offer.available);
  }
  for (const clause of clauses) {
    const type = mediaType(clause.type);
    if (type === undefined || !isOffered(type, offer)) continue;
    const wanted = clause.parameters.get('as');
    if (wanted === undefined) return { ...plainJson, type };
    const as = transformations.find((candidate) => candidate === wanted);
    const asVersion = clause.parameters.get('v') ?? 'v1';
    const group = clause.parameters.get('g') ?? 'meta.k8s.io';
    if (as === 'Table' && (type === 'protobuf' || offer.table === false)) continue;
    if (as === undefined || group !== 'meta.k8s.io') continue;
    if (asVersion !== 'v1' && asVersion !== 'v1beta1') continue;
    return { type, as, asVersion };
  }
  if (offer.stream === true) throw notAcceptable(watchTypes);
  throw notAcceptable(offer.accepted ?? (offer.protobuf ? acceptedTypes : customTypes));
}

/** The types that the paths of built-in resources have: of one object, and of lists and watches. */
export const availableTypes = {
  json: ['application/json'],
  one: acceptedTypes,
  many: [...acceptedTypes, ...watchTypes],
} as const;

function namesOne({ type }: Clause, available: readonly string[]): boolean {
  return type === '*/*' || available.some((one) => one === type);
}

function isOffered(type: Format['type'], { protobuf, stream }: Offer): boolean {
  if (type === 'protobuf') return protobuf;
  return type === 'json' || stream !== true;
}
