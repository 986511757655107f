import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { parseSelections } from '../builder/arguments.js';
import { allNamespacesFlag, fileFlags, selectorFlag } from '../builder/file-flags.js';
import { eventsOf } from '../builder/events-of.js';
import { fetchObject, hasFiles, listObjects, readFiles } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { describeObject, relatedOf } from '../describe/describers.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { apiVersionOf } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';

const flags = {
  ...fileFlags,
  ...selectorFlag,
  ...allNamespacesFlag,
  'show-events': { type: 'bool', default: true, help: 'with the events of the object' },
  'chunk-size': { type: 'int', default: 500, help: 'objects that one answer holds' },
} as const;

/** `trireme describe`. */
export const describeCommand = defineCommand({
  name: 'describe',
  summary: 'show objects in detail, with their events',
  usage: '(TYPE [NAME...] | TYPE/NAME... | TYPE -l LABELS | -f FILE)',
  examples: [
    ['a pod', 'trireme describe pod web-0'],
    ['all nodes', 'trireme describe nodes'],
    ['all pods whose names begin so', 'trireme describe pods web'],
  ],
  flags,
  completes: 'targets',
  run: runDescribe,
});

async function runDescribe(invocation: Invocation<typeof flags>): Promise<number> {
  const { args, flags, context } = invocation;
  if (args.length === 0 && !hasFiles(flags)) {
    throw new CommandLineError(
      'You must specify the type of resource to describe. Use "trireme api-resources" for a complete list of supported resources.',
      { plain: true },
    );
  }
  return withSession(invocation, async (session) => {
    let count = 0;
    const show = async (found: Found): Promise<void> => {
      const text = await describeFound(session, found, flags['show-events']);
      // As kubectl: those whose names begin so each end with a blank line.
      const isBegunSo = found.object.metadata.name !== found.ref.name;
      context.out(isBegunSo ? `${text}\n` : `${count > 0 ? '\n\n' : ''}${text}`);
      count += 1;
    };
    if (hasFiles(flags)) {
      const files = await readFiles(session, flags);
      return forEachUnlessRefused(context, files, async ({ ref }) =>
        show({ ref, object: await fetchObject(session, ref) }),
      );
    }
    let code = 0;
    for (const { resource, names } of await parseSelections(session.mapper, args)) {
      const everywhere = flags['all-namespaces'] === true;
      const namespace = resource.namespaced && !everywhere ? session.namespace : undefined;
      if (names.length === 0) {
        const objects = await listObjects(session, resource, {
          namespace,
          labelSelector: flags.selector,
        });
        for (const object of objects) {
          const { name, namespace: place } = object.metadata;
          await show({ object, ref: { resource, name, namespace: place } });
        }
        continue;
      }
      const refs = names.map((name): ObjectRef => ({ resource, namespace, name }));
      code = Math.max(
        code,
        await forEachUnlessRefused(context, refs, async (ref) => {
          for (const found of await namedOrBegunSo(session, ref)) await show(found);
        }),
      );
    }
    if (count === 0 && code === 0) {
      const where = flags['all-namespaces'] === true ? '' : ` in ${session.namespace} namespace.`;
      context.err(`No resources found${where}\n`);
    }
    return code;
  });
}

/** The object of that name, else those whose names begin with it. */
async function namedOrBegunSo(session: Session, ref: ObjectRef): Promise<Found[]> {
  try {
    return [{ ref, object: await fetchObject(session, ref) }];
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    const all = await listObjects(session, ref.resource, { namespace: ref.namespace });
    const begun = all.filter(({ metadata }) => metadata.name.startsWith(ref.name));
    if (begun.length === 0) throw error;
    return begun.map((object) => ({ object, ref }));
  }
}

async function describeFound(
  session: Session,
  { ref, object }: Found,
  withEvents: boolean,
): Promise<string> {
  const { resource } = ref;
  const typed: KubeObject = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
  const [events, related] = await Promise.all([
    withEvents ? eventsOf(session, typed) : undefined,
    Promise.all(
      relatedOf(typed).map(async ({ name, resource: type, ...options }) => {
        const found = await session.mapper.byName(type);
        const list = await listObjects(session, found, options).catch((error: unknown) => {
          // Who may not read what is beside it is shown the rest.
          if (isApiError(error, 'Forbidden')) return [];
          throw error;
        });
        return [name, list] as const;
      }),
    ),
  ]);
  return describeObject(typed, {
    events,
    nowMs: session.context.clock.nowMs(),
    related: Object.fromEntries(related),
  });
}
