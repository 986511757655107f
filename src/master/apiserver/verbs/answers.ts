/** Answers of the verbs. Pure. */
import { Entry } from '../cache/entry.js';
import type { RequestContext, Target, Written } from '../registry/types.js';
import type { Answer } from './requests.js';
import { formatJson } from '../../../lib/json.js';

/** An answer that is no stored object. */
export function document(target: Target, value: object, code = 200): Answer {
  return { code, bytes: Buffer.from(formatJson(value)), entry: undefined, target };
}

/** The answer of a write. */
export function written(context: RequestContext, outcome: Written, code: number): Answer {
  const { target } = context;
  const revision = Number(outcome.object.metadata.resourceVersion ?? 0);
  const entry = new Entry(target.name, outcome.bytes, revision);
  return { code, bytes: outcome.bytes, entry, target };
}

/** The answer of a write that may have made its object. */
export function updated(context: RequestContext, outcome: Written): Answer {
  return written(context, outcome, outcome.created ? 201 : 200);
}
