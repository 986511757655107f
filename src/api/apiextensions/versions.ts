/** The versions of a definition: which one is stored, and how objects come from one to another. */
import type { SchemaNode } from '../schema/node.js';

/** The webhook that converts the objects of a definition. */
export interface ConversionWebhook {
  /** Its address, in the form that configurations of webhooks share. */
  readonly clientConfig: {
    /** PEM as base64. */
    readonly caBundle?: string | undefined;
    readonly service?:
      | {
          readonly name: string;
          readonly namespace: string;
          readonly path?: string | undefined;
          readonly port?: number | undefined;
        }
      | undefined;
    readonly url?: string | undefined;
  };
  /** The versions of ConversionReview that it takes, the preferred one first. */
  readonly reviewVersions: readonly string[];
}

/** What the kinds of one definition know of each other. */
export interface CustomVersions {
  /** The version that is stored. */
  readonly stored: string;
  /** By the names of all versions, those included that are not served. */
  readonly schemas: ReadonlyMap<string, SchemaNode>;
  /** Unset where versions differ in nothing but `apiVersion`. */
  readonly webhook: ConversionWebhook | undefined;
}
