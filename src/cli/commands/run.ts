import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import { goQuote } from '../../api/go-text/quote.js';
import { parseImageReference } from '../../lib/image-reference.js';
import { parseJson } from '../../lib/json.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { createMade, generatorFlags, pairsOf } from '../generate/generator.js';
import { objectPath, pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
import { parseDryRun } from '../kube/write.js';
import { runWithTerminal } from '../stream/attach-terminal.js';
import { commandProtocols } from '../stream/remote-command.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const flags = {
  ...generatorFlags,
  image: { type: 'text', required: true, value: 'IMAGE', help: 'the image to run' },
  command: { type: 'bool', help: 'what follows -- is the command, not its arguments' },
  env: { type: 'list', value: 'NAME=VALUE', help: 'a variable; may be repeated' },
  labels: { type: 'text', short: 'l', value: 'LABELS', help: 'labels of the pod' },
  annotations: { type: 'list', value: 'KEY=VALUE', help: 'an annotation; may be repeated' },
  port: { type: 'text', value: 'PORT', help: 'the port of the container' },
  expose: { type: 'bool', help: 'make a service for the port as well' },
  restart: {
    type: 'text',
    default: 'Always',
    value: 'Always|OnFailure|Never',
    help: 'what happens when it ends',
  },
  'image-pull-policy': { type: 'text', value: 'POLICY', help: 'Always, IfNotPresent or Never' },
  privileged: { type: 'bool', help: 'without the walls of a container' },
  overrides: { type: 'text', value: 'JSON', help: 'fields that replace those that were made' },
  stdin: { type: 'bool', short: 'i', help: 'keep its standard input open, and give it ours' },
  tty: { type: 'bool', short: 't', help: 'give it a terminal' },
  attach: { type: 'bool', help: 'join its streams (default: with -i)' },
  rm: { type: 'bool', help: 'delete the pod when it has ended' },
  quiet: { type: 'bool', short: 'q', help: 'only what the container prints' },
  'pod-running-timeout': {
    type: 'text',
    default: '1m0s',
    value: 'DURATION',
    help: 'how long it may take until it runs',
  },
} as const;

/** `trireme run`. */
export const runPodCommand = defineCommand({
  name: 'run',
  summary: 'run an image in a pod',
  usage: 'NAME --image=IMAGE [-- COMMAND ARG...]',
  examples: [
    ['a pod', 'trireme run web --image=nginx --port=80'],
    [
      'a shell that is gone when it ends',
      'trireme run -it --rm try --image=busybox --restart=Never -- sh',
    ],
    ['only print it', 'trireme run web --image=nginx --dry-run=client -o yaml'],
  ],
  flags,
  completes: 'nothing',
  run: runPod,
});

type Run = Invocation<typeof flags>;

async function runPod(invocation: Run): Promise<number> {
  const { args, dash, flags, context } = invocation;
  const [name] = args;
  if (name === undefined || (dash ?? args.length) < 1) {
    throw new CommandLineError('NAME is required for run');
  }
  const { image = '' } = flags;
  if (image === '') throw plain('--image is required');
  if (parseImageReference(image) === undefined) {
    throw plain(`Invalid image name ${goQuote(image)}: invalid reference format`);
  }
  const isAttached = flags.attach ?? (flags.stdin === true || flags.tty === true);
  if (flags.tty === true && flags.stdin !== true) {
    throw new CommandLineError('-i/--stdin is required for containers with -t/--tty=true');
  }
  if (flags.expose === true && (flags.port ?? '') === '') {
    throw new CommandLineError('--port must be set when exposing a service');
  }
  if (!['Always', 'OnFailure', 'Never'].includes(flags.restart)) {
    throw new CommandLineError(`invalid restart policy: ${flags.restart}`);
  }
  if (flags.rm === true && !isAttached) {
    throw new CommandLineError('--rm should only be used for attached containers');
  }
  const dryRun = parseDryRun(flags['dry-run']);
  if (isAttached && dryRun !== 'none') {
    throw new CommandLineError(
      "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
    );
  }
  const pull = flags['image-pull-policy'] ?? 'Always';
  if (!['Always', 'IfNotPresent', 'Never'].includes(pull)) {
    throw new CommandLineError(`invalid image pull policy: ${pull}`);
  }
  const pod = merged(
    podOf(name, dash === undefined ? args.slice(1) : args.slice(dash), flags),
    flags.overrides,
  );
  const expose = async (): Promise<void> => {
    if (flags.expose !== true) return;
    await createMade(invocation, exposingService(name, flags));
    if (flags.output === 'yaml') context.out('---\n');
  };
  if (!isAttached) {
    await createMade(invocation, pod, false, 'created', expose);
    return 0;
  }
  return withSession(invocation, async (session) => {
    const resource = await session.mapper.byName('pods');
    const { namespace } = session;
    const ref = { resource, namespace, name };
    await session.kube.json({
      method: 'POST',
      path: pathOf(resource, { namespace }),
      body: { ...pod, metadata: { ...pod.metadata, namespace } },
    });
    try {
      await expose();
      return await joinPod(session, ref, invocation);
    } finally {
      if (flags.rm === true) {
        await session.kube.json({ method: 'DELETE', path: objectPath(ref), body: {} });
        if (flags.quiet !== true) context.out(`pod "${name}" deleted\n`);
      }
    }
  });
}

/** Stricter than the API, which takes any printable text (apimachinery's `IsEnvVarName`). */
const variableName = /^(?!\.\.|\.$)[-._a-zA-Z][-._a-zA-Z0-9]*$/;

/** The variables of `--env`, in order. @throws CommandLineError in kubectl's words */
export function variablesOf(words: readonly string[]): { name: string; value: string }[] {
  return words.map((word) => {
    const at = word.indexOf('=');
    const name = word.slice(0, Math.max(at, 0));
    if (!variableName.test(name)) throw plain(`invalid env: ${word}`);
    return { name, value: word.slice(at + 1) };
  });
}

/** The labels of the pod; none were given: its name. */
function labelsOf(name: string, labels: string | undefined): Record<string, string> {
  return labels === undefined ? { run: name } : pairsOf(labels.split(','), 'label');
}

/** The service of `--expose`, which finds the pod by its labels. */
export function exposingService(
  name: string,
  flags: { readonly labels: string | undefined; readonly port: string | undefined },
): KubeObject {
  const selector = labelsOf(name, flags.labels);
  const port = Number(flags.port);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, ...(flags.labels === undefined ? {} : { labels: selector }) },
    spec: { ports: [{ port, protocol: 'TCP', targetPort: port }], selector },
    status: { loadBalancer: {} },
  } as KubeObject;
}

/** The pod of a command line. */
export function podOf(name: string, words: readonly string[], flags: Run['flags']): KubeObject {
  const labels = labelsOf(name, flags.labels);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(flags.annotations.length === 0
        ? {}
        : { annotations: pairsOf(flags.annotations, 'annotation') }),
      labels,
      name,
    },
    spec: {
      containers: [
        {
          ...(words.length === 0 ? {} : { [flags.command === true ? 'command' : 'args']: words }),
          ...(flags.env.length === 0 ? {} : { env: variablesOf(flags.env) }),
          image: flags.image,
          ...(flags['image-pull-policy'] === undefined
            ? {}
            : { imagePullPolicy: flags['image-pull-policy'] }),
          name,
          ...(flags.port === undefined ? {} : { ports: [{ containerPort: Number(flags.port) }] }),
          resources: {},
          ...(flags.privileged === true ? { securityContext: { privileged: true } } : {}),
          ...(flags.stdin === true ? { stdin: true, stdinOnce: true } : {}),
          ...(flags.tty === true ? { tty: true } : {}),
        },
      ],
      dnsPolicy: 'ClusterFirst',
      restartPolicy: flags.restart,
    },
    status: {},
  } as KubeObject;
}

function merged(pod: KubeObject, overrides: string | undefined): KubeObject {
  if (overrides === undefined) return pod;
  const merge = (a: unknown, b: unknown): unknown => {
    const isMap = (value: unknown): value is Record<string, unknown> =>
      typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isMap(a) || !isMap(b)) return b;
    return Object.fromEntries(
      [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [
        key,
        Object.hasOwn(b, key) ? merge(a[key], b[key]) : a[key],
      ]),
    );
  };
  try {
    return merge(pod, parseJson(overrides)) as KubeObject;
  } catch {
    throw plain('Invalid JSON Patch');
  }
}

/** Joins the streams of the pod, or prints its log when it has ended already. @returns its exit code */
async function joinPod(
  session: Session,
  ref: Parameters<typeof objectPath>[0],
  { flags, context }: Run,
): Promise<number> {
  const { goDurationMs } = await import('../kube/duration.js');
  const phaseOf = (pod: Pod | undefined): string => pod?.status?.phase ?? '';
  const started = await waitUntil<Pod>(
    session,
    ref,
    goDurationMs(flags['pod-running-timeout']),
    (pod) => ['Running', 'Succeeded', 'Failed'].includes(phaseOf(pod)),
  );
  if (!started) throw plain('timed out waiting for the condition');
  const pod = await session.kube.json<Pod>({ path: objectPath(ref) });
  if (phaseOf(pod) === 'Running') {
    if (flags.quiet !== true && flags.tty === true) {
      context.err("If you don't see a command prompt, try pressing enter.\n");
    }
    const tty = flags.tty === true;
    const socket = await session.kube.webSocket(
      {
        path: objectPath(ref, 'attach'),
        query: {
          container: ref.name,
          stdin: flags.stdin === true ? 'true' : undefined,
          stdout: 'true',
          stderr: tty ? undefined : 'true',
          tty: tty ? 'true' : undefined,
        },
      },
      commandProtocols,
    );
    await runWithTerminal(socket, context, { stdin: flags.stdin === true, tty });
  } else context.out(await session.kube.raw({ path: objectPath(ref, 'log'), accept: '*/*' }));
  if (flags.restart === 'Always') return 0;
  const endMs = 60_000;
  await waitUntil<Pod>(session, ref, endMs, (current) =>
    ['', 'Succeeded', 'Failed'].includes(phaseOf(current)),
  );
  const ended = await session.kube.json<Pod>({ path: objectPath(ref) });
  const code = ended.status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? 0;
  if (code !== 0)
    context.err(
      `pod ${ref.namespace ?? ''}/${ref.name} terminated (${ended.status?.containerStatuses?.[0]?.state?.terminated?.reason ?? 'Error'})\n`,
    );
  return code;
}
