import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import { parseSingle } from '../builder/arguments.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { objectPath, pathOf } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
import { runWithTerminal } from '../stream/attach-terminal.js';
import { commandProtocols } from '../stream/remote-command.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const startMsMax = 60_000;

const debugFlags = {
  image: { type: 'text', value: 'IMAGE', help: 'the image of the helper' },
  container: {
    type: 'text',
    short: 'c',
    value: 'NAME',
    help: 'the name of the helper (default: debugger-…)',
  },
  'copy-to': { type: 'text', value: 'NAME', help: 'work on a copy of the pod with this name' },
  'set-image': { type: 'list', value: 'CONTAINER=IMAGE', help: 'other images in the copy' },
  replace: { type: 'bool', help: 'delete the pod when the copy is there' },
  'same-node': { type: 'bool', help: 'the copy on the same node' },
  'share-processes': {
    type: 'bool',
    default: true,
    help: 'the copy sees the processes of all its containers',
  },
  target: { type: 'text', value: 'NAME', help: 'the container whose processes the helper sees' },
  stdin: { type: 'bool', short: 'i', help: 'give it our standard input' },
  tty: { type: 'bool', short: 't', help: 'give it a terminal' },
  attach: { type: 'bool', help: 'join its streams (default: with -i)' },
  quiet: { type: 'bool', short: 'q', help: 'only what it prints' },
} as const;

/** `trireme debug`. */
export const debugCommand = defineCommand({
  name: 'debug',
  summary: 'run a helper beside a container, or on a node',
  usage: '(POD | TYPE/NAME) --image=IMAGE [-- COMMAND ARG...]',
  examples: [
    ['beside the containers of a pod', 'trireme debug -it web-0 --image=busybox -- sh'],
    [
      'a copy of the pod with another command',
      'trireme debug -it web-0 --copy-to=web-debug --container=nginx -- sh',
    ],
    ['on a node', 'trireme debug -it node/worker-1 --image=busybox'],
  ],
  flags: debugFlags,
  completes: 'pods',
  run: runDebug,
});

type Debug = Invocation<typeof debugFlags>;

async function runDebug(invocation: Debug): Promise<number> {
  const { args, dash, flags } = invocation;
  const [target] = args.slice(0, dash ?? args.length);
  if (target === undefined) throw plain('NAME or TYPE/NAME is required for debug');
  const command = dash === undefined ? [] : args.slice(dash);
  if (flags.image === undefined && flags['copy-to'] === undefined) {
    throw plain('you must specify --image, --set-image or --copy-to');
  }
  return withSession(invocation, async (session) => {
    const words = target.includes('/') ? [target] : ['pods', target];
    const { resource, name } = await parseSingle(session.mapper, words);
    const pods = await session.mapper.byName('pods');
    const namespace = resource.namespaced ? session.namespace : undefined;
    if (resource.plural === 'nodes') {
      const pod = nodeHelper(name, suffixOf(session), command, flags);
      const made = await create(session, pods, pod);
      session.context.err(
        `Creating debugging pod ${made.name} with container debugger on node ${name}.\n`,
      );
      return join(session, made, 'debugger', invocation);
    }
    if (resource.plural !== 'pods') throw plain(`"${resource.plural}" not supported by debug`);
    const ref: ObjectRef = { resource: pods, namespace, name };
    const pod = await session.kube.json<Pod>({ path: objectPath(ref) });
    if (flags['copy-to'] !== undefined) return copyPod(session, ref, pod, command, invocation);
    return addHelper(session, ref, pod, command, invocation);
  });
}

/** Five letters that tell one helper from another. */
function suffixOf({ context }: Session): string {
  return context.clock.nowMs().toString(36).slice(-5);
}

async function create(
  session: Session,
  resource: ObjectRef['resource'],
  pod: KubeObject,
): Promise<ObjectRef> {
  const { namespace } = session;
  const made = await session.kube.json<KubeObject>({
    method: 'POST',
    path: pathOf(resource, { namespace }),
    body: pod,
  });
  return { resource, namespace, name: made.metadata.name };
}

function nodeHelper(
  node: string,
  suffix: string,
  command: readonly string[],
  flags: Debug['flags'],
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `node-debugger-${node}-${suffix}` },
    spec: {
      containers: [
        {
          name: 'debugger',
          image: flags.image,
          ...(command.length === 0 ? {} : { command }),
          stdin: flags.stdin ?? false,
          tty: flags.tty ?? false,
          volumeMounts: [{ name: 'host-root', mountPath: '/host' }],
        },
      ],
      hostIPC: true,
      hostNetwork: true,
      hostPID: true,
      nodeName: node,
      restartPolicy: 'Never',
      tolerations: [{ operator: 'Exists' }],
      volumes: [{ name: 'host-root', hostPath: { path: '/' } }],
    },
  } as unknown as KubeObject;
}

/** An ephemeral container in a pod that runs. */
async function addHelper(
  session: Session,
  ref: ObjectRef,
  pod: Pod,
  command: readonly string[],
  invocation: Debug,
): Promise<number> {
  const { flags, context } = invocation;
  const name = flags.container ?? `debugger-${suffixOf(session)}`;
  if (flags.container === undefined && flags.quiet !== true) {
    context.err(`Defaulting debug container name to ${name}.\n`);
  }
  const helper = {
    name,
    image: flags.image,
    ...(command.length === 0 ? {} : { command }),
    stdin: flags.stdin ?? false,
    tty: flags.tty ?? false,
    ...(flags.target === undefined ? {} : { targetContainerName: flags.target }),
  };
  await session.kube.json({
    method: 'PATCH',
    path: objectPath(ref, 'ephemeralcontainers'),
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { ephemeralContainers: [...(pod.spec.ephemeralContainers ?? []), helper] } },
  });
  return join(session, ref, name, invocation);
}

/** A copy of a pod, which nothing selects. */
async function copyPod(
  session: Session,
  ref: ObjectRef,
  pod: Pod,
  command: readonly string[],
  invocation: Debug,
): Promise<number> {
  const { flags } = invocation;
  const copy = structuredClone(pod);
  copy.metadata = { name: flags['copy-to'] ?? '', namespace: pod.metadata.namespace ?? 'default' };
  delete copy.status;
  const { spec } = copy;
  if (flags['same-node'] !== true) delete spec.nodeName;
  spec.shareProcessNamespace = flags['share-processes'];
  for (const change of flags['set-image']) {
    const [name, image = ''] = change.split('=');
    for (const container of spec.containers)
      if (name === '*' || container.name === name) container.image = image;
  }
  const wanted = flags.container ?? `debugger-${suffixOf(session)}`;
  const found = spec.containers.find(({ name }) => name === wanted);
  const changes = {
    ...(command.length === 0 ? {} : { command: [...command] }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.stdin === true ? { stdin: true } : {}),
    ...(flags.tty === true ? { tty: true } : {}),
  };
  if (found !== undefined) Object.assign(found, changes);
  else if (flags.image !== undefined) spec.containers.push({ name: wanted, ...changes });
  const made = await create(session, ref.resource, copy);
  if (flags.replace === true)
    await session.kube.json({ method: 'DELETE', path: objectPath(ref), body: {} });
  return join(
    session,
    made,
    found === undefined && flags.image === undefined ? (spec.containers[0]?.name ?? '') : wanted,
    invocation,
  );
}

/** Joins the streams of the helper, if the user wants that. */
async function join(
  session: Session,
  ref: ObjectRef,
  container: string,
  { flags, context }: Debug,
): Promise<number> {
  const isAttached = flags.attach ?? flags.stdin === true;
  if (!isAttached) return 0;
  const stateOf = (pod: Pod | undefined): object | undefined => {
    const all = [
      ...(pod?.status?.containerStatuses ?? []),
      ...(pod?.status?.ephemeralContainerStatuses ?? []),
    ];
    const state = all.find(({ name }) => name === container)?.state;
    return state?.running ?? state?.terminated ?? undefined;
  };
  if (!(await waitUntil<Pod>(session, ref, startMsMax, (pod) => stateOf(pod) !== undefined))) {
    throw plain('timed out waiting for the condition');
  }
  const tty = flags.tty === true;
  if (tty && flags.quiet !== true)
    context.err("If you don't see a command prompt, try pressing enter.\n");
  const query = {
    container,
    stdin: 'true',
    stdout: 'true',
    stderr: tty ? undefined : 'true',
    tty: tty ? 'true' : undefined,
  };
  const socket = await session.kube.webSocket(
    { path: objectPath(ref, 'attach'), query },
    commandProtocols,
  );
  return runWithTerminal(socket, context, { stdin: true, tty });
}
