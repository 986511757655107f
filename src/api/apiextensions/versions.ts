/** The versions of a definition: which one is stored, and how objects come from one to another. */
import type { SchemaNode } from '../schema/node.js';
import type { CustomResourceDefinition } from './schemas.js';

type Webhook = NonNullable<NonNullable<CustomResourceDefinition['spec']['conversion']>['webhook']>;

/** The webhook that converts the objects of a definition. */
export interface ConversionWebhook {
  readonly clientConfig: NonNullable<Webhook['clientConfig']>;
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

/** The webhook of a definition whose strategy is to ask one. */
export function conversionWebhook(
  definition: CustomResourceDefinition,
): ConversionWebhook | undefined {
  const { strategy, webhook } = definition.spec.conversion ?? {};
  if (strategy !== 'Webhook' || webhook?.clientConfig === undefined) return undefined;
  const { clientConfig, conversionReviewVersions: reviewVersions } = webhook;
  return { clientConfig, reviewVersions };
}
