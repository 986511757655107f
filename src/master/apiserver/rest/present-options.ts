import type { KindDeclaration } from '../../../api/kind.js';
import type { Format } from './negotiate.js';

/** Metadata of a list's answer. */
export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue: string;
  readonly remainingItemCount: number | undefined;
}

/** The presentation of objects: as they are, as rows of a table, or by their metadata. */
export interface PresentOptions {
  readonly kind: KindDeclaration;
  readonly format: Format;
  /** `Metadata`, `Object` or `None`: what a table's rows hold of their objects. */
  readonly includeObject: string;
  readonly nowMs: number;
}
