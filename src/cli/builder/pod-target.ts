import type { Pod } from '../../api/types/core.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Session } from '../kube/session.js';
import { parseSingle } from './arguments.js';
import { fetchObject, hasFiles, readFiles } from './objects.js';
import type { Choice } from './objects.js';
import { choosePod } from './pod-of.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** The pod that `POD`, `TYPE/NAME` or a file names. */
export async function findPod(
  session: Session,
  target: string | undefined,
  choice: Choice = {},
): Promise<Pod> {
  const { namespace } = session;
  const resource = await session.mapper.byName('pods');
  if (target !== undefined && !target.includes('/')) {
    return (await fetchObject(session, { resource, namespace, name: target })) as Pod;
  }
  const ref = hasFiles(choice)
    ? (await readFiles(session, choice))[0]?.ref
    : { ...(await parseSingle(session.mapper, [target ?? ''])), namespace };
  if (ref === undefined) throw plain('no pod is named');
  const object = await fetchObject(session, ref);
  return ref.resource.plural === 'pods'
    ? (object as Pod)
    : (await choosePod(session, ref, object)).pod;
}

/** The container of `-c`, else the one that the pod names, else the first. @throws CommandLineError */
export function chooseContainer(
  session: Pick<Session, 'context'>,
  { metadata, spec }: Pod,
  wanted: string | undefined,
  quiet: boolean,
): string {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  const all = [...containers, ...ephemeralContainers, ...initContainers].map(({ name }) => name);
  if (wanted !== undefined) {
    if (all.includes(wanted)) return wanted;
    throw plain(`container ${wanted} not found in pod ${metadata.name}`);
  }
  const chosen = metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (chosen !== undefined && all.includes(chosen)) return chosen;
  const [first = ''] = containers.map(({ name }) => name);
  if (all.length > 1 && !quiet) {
    const marks = (list: readonly { readonly name: string }[], mark: string): string[] =>
      list.map(({ name }) => `${name}${mark}`);
    const names = [
      ...marks(containers, ''),
      ...marks(ephemeralContainers, ' (ephem)'),
      ...marks(initContainers, ' (init)'),
    ];
    session.context.err(`Defaulted container "${first}" out of: ${names.join(', ')}\n`);
  }
  return first;
}

/** @throws CommandLineError for a pod that has ended */
export function mustRun({ status }: Pod): void {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') {
    throw plain(
      `cannot exec into a container in a completed pod; current phase is ${status.phase}`,
    );
  }
}
