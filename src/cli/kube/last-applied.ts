/** What client-side apply remembers of a file: the annotation `last-applied-configuration`. */
import { lastAppliedAnnotation } from '../../api/apply/last-applied.js';
import type { KubeObject } from '../../api/object.js';
import type { Flags } from '../command/flag-types.js';
import { compactJson } from '../print/json.js';

/** `--save-config`. */
export const saveConfigFlag = {
  'save-config': {
    type: 'bool',
    help: 'keep what the file says in an annotation, for a client that applies it later',
  },
} as const satisfies Flags;

/** The annotation's text where what a file says is the whole of it (kubectl's `GetApplyPatch`). */
export function configText(object: KubeObject): string {
  return `${compactJson(object)}\n`;
}

/** The annotation's text for a file that is sent with it, as kubectl writes it (its `pkg/util/apply.go`). */
function lastAppliedText(object: KubeObject): string {
  const { [lastAppliedAnnotation]: _before, ...annotations } = object.metadata.annotations ?? {};
  return configText({ ...object, metadata: { ...object.metadata, annotations } });
}

/** A file's object with the annotation: if asked for, or if the file has it. */
export function savedConfig(object: KubeObject, isAsked: boolean | undefined): KubeObject {
  const { annotations } = object.metadata;
  if (isAsked !== true && annotations?.[lastAppliedAnnotation] === undefined) return object;
  const saved = { ...annotations, [lastAppliedAnnotation]: lastAppliedText(object) };
  return { ...object, metadata: { ...object.metadata, annotations: saved } };
}

/** What was applied last; undefined where client-side apply has left nothing. */
export function lastAppliedOf(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[lastAppliedAnnotation];
}
