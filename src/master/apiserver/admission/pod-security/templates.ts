/** Finds the pod templates of the kinds that Pod Security checks. */
import type { KubeObject } from '../../../../api/object.js';
import { isJsonObject } from '../../../../api/object.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import type { PodTemplateSpec } from '../../../../api/types/core.js';

const inSpec = ['spec', 'template'];

/** By group and plural name. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  '/podtemplates': ['template'],
  '/replicationcontrollers': inSpec,
  'apps/replicasets': inSpec,
  'apps/deployments': inSpec,
  'apps/statefulsets': inSpec,
  'apps/daemonsets': inSpec,
  'batch/jobs': inSpec,
  'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'],
};

/** True for kinds that make pods from a template. */
export function makesPods({ group, plural }: KindDeclaration): boolean {
  return Object.hasOwn(templatePaths, `${group}/${plural}`);
}

/** The template of such an object; undefined where it has none. */
export function templateOf(
  { group, plural }: KindDeclaration,
  object: KubeObject,
): PodTemplateSpec | undefined {
  let found: unknown = object;
  for (const name of templatePaths[`${group}/${plural}`] ?? []) {
    found = isJsonObject(found) ? found[name] : undefined;
  }
  return isTemplate(found) ? found : undefined;
}

/** Tells whether a template is there; one that is there has passed the schema. */
function isTemplate(value: unknown): value is PodTemplateSpec {
  return isJsonObject(value) && isJsonObject(value['spec']);
}
