/** Calls the webhooks that convert custom objects. */
import { ConversionError } from '../../../../api/apiextensions/conversion-review.js';
import type { Clock } from '../../../../lib/clock.js';
import { conversionTimeoutMs } from '../../limits.js';
import type { ConversionCall } from '../../registry/conversion.js';
import { CallError, postJson } from './call.js';
import type { DestinationDeps } from './destination.js';
import { destinationOf } from './destination.js';

/** Posts reviews to where a definition says. */
export function conversionCall(deps: DestinationDeps & { readonly clock: Clock }): ConversionCall {
  return async ({ clientConfig }, body) => {
    try {
      const destination = destinationOf(clientConfig, deps, conversionTimeoutMs / 1_000);
      return await postJson(destination, body, {
        clock: deps.clock,
        timeoutMs: conversionTimeoutMs,
      });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      throw new ConversionError(error.message, { cause: error });
    }
  };
}
