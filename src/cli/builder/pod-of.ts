import type { KubeObject } from '../../api/object.js';
import { selectorText } from '../../api/facts/selectors.js';
import type { Pod } from '../../api/types/core.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { listObjects } from './objects.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** A pod of a workload or a service, the readiest first, and how many there are. @throws CommandLineError */
export async function choosePod(
  session: Session,
  { resource, namespace }: ObjectRef,
  object: KubeObject,
): Promise<{ readonly pod: Pod; readonly count: number }> {
  const { selector } =
    (object as KubeObject & { spec?: { selector?: Record<string, string> } }).spec ?? {};
  if (selector === undefined) {
    throw plain(`cannot attach to ${resource.plural}: selector for ${resource.kind} is not known`);
  }
  const isPlain = resource.plural === 'services' || resource.plural === 'replicationcontrollers';
  const labelSelector = selectorText(isPlain ? { matchLabels: selector } : selector);
  const pods = await listObjects<Pod>(session, await session.mapper.byName('pods'), {
    namespace,
    labelSelector,
  });
  const [pod] = pods.toSorted((a, b) => rank(a) - rank(b));
  if (pod === undefined) throw plain('timed out waiting for the condition');
  return { pod, count: pods.length };
}

/** Ready before running before the rest. */
function rank({ status }: Pod): number {
  const isReady = (status?.conditions ?? []).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  );
  if (isReady) return 0;
  return status?.phase === 'Running' ? 1 : 2;
}
