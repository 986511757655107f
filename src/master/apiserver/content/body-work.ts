/** The work that may be done with a body beside the event loop: both ends of the thread know it. */
import { applyJsonPatch } from '../../../api/patch/json-patch.js';
import { PatchError } from '../../../api/patch/patch-error.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';

/** One piece of work. */
export type BodyWork =
  | { readonly form: 'json'; readonly bytes: Uint8Array; readonly strict: boolean }
  | { readonly form: 'yaml'; readonly bytes: Uint8Array }
  | { readonly form: 'json-patch'; readonly bytes: Uint8Array; readonly target: string };

/** The outcome of a piece of work. */
export interface BodyOutcome {
  /** The value as JSON; undefined when the bytes themselves are it. */
  readonly json: string | undefined;
  /** Such as `duplicate field "spec.replicas"`. */
  readonly duplicates: readonly string[];
}

/** An error that crosses the thread's border, where classes are lost. */
export interface BodyFault {
  /** The reason of a {@link PatchError}, or `Decode` of a {@link DecodeError}. */
  readonly reason: PatchError['reason'] | 'Decode';
  readonly message: string;
}

/** @throws DecodeError, PatchError */
export function doBodyWork(work: BodyWork): BodyOutcome {
  const text = Buffer.from(work.bytes).toString();
  if (work.form === 'json') {
    return { json: undefined, duplicates: parseJsonBody(text, work.strict).duplicates };
  }
  if (work.form === 'yaml') {
    const { value, duplicates } = parseYamlBody(text);
    return { json: JSON.stringify(value), duplicates };
  }
  const patched = applyJsonPatch(JSON.parse(work.target), JSON.parse(text));
  return { json: JSON.stringify(patched), duplicates: [] };
}

/** @returns undefined for an error that is a fault of ours */
export function faultOf(error: unknown): BodyFault | undefined {
  if (error instanceof DecodeError) return { reason: 'Decode', message: error.message };
  if (error instanceof PatchError) return { reason: error.reason, message: error.message };
  return undefined;
}

/** The error that a fault was. */
export function errorOf({ reason, message }: BodyFault): Error {
  return reason === 'Decode' ? new DecodeError(message) : new PatchError(reason, message);
}
