import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { chooseContainer, findPod, mustRun } from '../builder/pod-target.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import type { CommandStreams } from '../stream/remote-command.js';
import { commandProtocols, runRemote } from '../stream/remote-command.js';
import { unpackTree } from '../stream/unpack.js';

const pods = { group: '', version: 'v1', plural: 'pods' };
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Of what a command there says on standard error: the container may say more. */
const wordsMax = 64 * 1024;

/** A side of a copy. */
export interface CopySide {
  /** Undefined: here. */
  readonly pod: { readonly namespace: string | undefined; readonly name: string } | undefined;
  readonly path: string;
}

/**
 * `[NAMESPACE/]POD:PATH`, or a path here: one that begins with a point or a slash is, whatever else is in it.
 * @throws CommandLineError
 */
export function parseSide(text: string): CopySide {
  const at = text.indexOf(':');
  if (at < 0 || /^[./]/.test(text)) return { pod: undefined, path: text };
  const parts = text.slice(0, at).split('/');
  if (at === 0 || parts.length > 2)
    throw plain(`filespec must match the canonical format: [[namespace/]pod:]file/path`);
  const [first = '', second] = parts;
  const [namespace, name] = second === undefined ? [undefined, first] : [first, second];
  return { pod: name === '' ? undefined : { namespace, name }, path: text.slice(at + 1) };
}

/** `trireme cp`. */
export const cpCommand = defineCommand({
  name: 'cp',
  summary: 'copy files to and from containers',
  description: 'The container needs the program tar, and so does this machine.',
  usage: '(SOURCE [NAMESPACE/]POD:PATH | [NAMESPACE/]POD:PATH TARGET)',
  examples: [
    ['into a container', 'trireme cp site/ web-0:/srv/site'],
    ['out of it', 'trireme cp web-0:/var/log/app.log app.log -c app'],
  ],
  flags: {
    container: { type: 'text', short: 'c', value: 'NAME', help: 'the container' },
    'no-preserve': { type: 'bool', help: 'without owners and modes' },
    retries: { type: 'int', default: 0, help: 'a copy is not tried again here' },
  },
  completes: 'pods',
  run: async (invocation) => {
    const { args, flags } = invocation;
    const [from, to] = args;
    if (from === undefined || to === undefined || args.length > 2) {
      throw plain('source and destination are required');
    }
    const [source, target] = [parseSide(from), parseSide(to)];
    if (source.pod !== undefined && target.pod !== undefined) {
      throw plain(`one of src or dest must be a local file specification`);
    }
    if (source.path === '' || target.path === '') throw plain('filepath can not be empty');
    if (source.pod === undefined && target.pod === undefined) {
      throw plain('one of src or dest must be a remote file specification');
    }
    return withSession(invocation, async (session) => {
      const options = { container: flags.container, preserve: flags['no-preserve'] !== true };
      if (target.pod !== undefined) return copyIn(session, source.path, target, options);
      return copyOut(session, source, target.path, options);
    });
  },
});

interface CopyOptions {
  readonly container: string | undefined;
  readonly preserve: boolean;
}

/** Runs a command in the pod. @throws CommandLineError with what it said when it fails */
async function runInPod(
  session: Session,
  { pod }: CopySide,
  command: readonly string[],
  options: CopyOptions,
  streams: Pick<CommandStreams, 'stdin' | 'stdout' | 'drained'>,
): Promise<void> {
  const { namespace = session.namespace, name = '' } = pod ?? {};
  const found = await findPod({ ...session, namespace }, name);
  mustRun(found);
  const container = chooseContainer(session, found, options.container, false);
  const socket = await session.kube.webSocket(
    {
      path: pathOf(pods, { namespace, name, subresource: 'exec' }),
      query: {
        command,
        container,
        stdin: streams.stdin === undefined ? undefined : 'true',
        stdout: 'true',
        stderr: 'true',
      },
    },
    commandProtocols,
  );
  let words = '';
  const code = await runRemote(socket, {
    ...streams,
    stderr: (data) => {
      if (words.length < wordsMax) words += Buffer.from(data).toString('utf8');
    },
  });
  if (code !== 0)
    throw plain(words.trim() === '' ? `command terminated with exit code ${code}` : words.trim());
}

const noDrain = (): Promise<void> => Promise.resolve();

async function copyIn(
  session: Session,
  source: string,
  target: CopySide,
  options: CopyOptions,
): Promise<number> {
  if (!existsSync(source)) throw plain(`${source} doesn't exist in local filesystem`);
  const isDirectoryThere = await runInPod(session, target, ['test', '-d', target.path], options, {
    stdout: () => undefined,
    drained: noDrain,
  })
    .then(() => true)
    .catch(() => false);
  const whole =
    isDirectoryThere || target.path.endsWith('/')
      ? posix.join(target.path, basename(source))
      : target.path;
  const owner = options.preserve ? [] : ['--no-same-permissions', '--no-same-owner'];
  // The name there is given by a rule of tar's, so that nothing is renamed afterwards.
  const pack = spawn(
    'tar',
    [
      '-c',
      '-f',
      '-',
      '-C',
      dirname(source) === '' ? '.' : dirname(source),
      `--transform=s,^${escapeRule(basename(source))},${escapeRule(posix.basename(whole))},`,
      '--',
      basename(source),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: process.env },
  );
  // What a child wrote and nobody listens to is dropped when it ends.
  const archive = pack.stdout.pipe(new PassThrough());
  const packed = endOf(pack);
  // A tar that could not be started, or was killed, ends its pipe without an end of the archive.
  void packed.then(() => archive.end());
  try {
    await runInPod(
      session,
      target,
      ['tar', '-x', '-m', ...owner, '-f', '-', '-C', posix.dirname(whole)],
      options,
      {
        stdin: archive,
        stdout: () => undefined,
        drained: noDrain,
      },
    );
  } catch (error) {
    pack.kill();
    throw error;
  }
  // Tar there may have ended before the last blocks of the archive were read.
  archive.resume();
  const { error, code } = await packed;
  if (error !== undefined) throw plain(`cannot run tar: ${error.message}`);
  // What it could not read it has said itself.
  return code === 0 ? 0 : 1;
}

/** Resolves when a process has ended, or could not be started. */
function endOf(child: ChildProcess): Promise<{ readonly error?: Error; readonly code: number }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ error, code: 1 }));
    child.once('close', (code) => resolve({ code: code ?? 1 }));
  });
}

function escapeRule(text: string): string {
  return text.replaceAll(/[.*[\]^$,\\&]/g, '\\$&');
}

async function copyOut(
  session: Session,
  source: CopySide,
  target: string,
  options: CopyOptions,
): Promise<number> {
  const isDirectoryHere = existsSync(target) && statSync(target).isDirectory();
  const path = posix.normalize(source.path);
  const name = posix.basename(path) || '.';
  if (name === '..') throw plain(`"${source.path}" has no name that a copy could have`);
  const whole = isDirectoryHere ? join(target, name) : target;
  const isWhole = await unpackTree({ name, target: whole }, session.context.err, (input) =>
    runInPod(
      session,
      source,
      ['tar', '-c', '-f', '-', '-C', posix.dirname(path), '--', name],
      options,
      { stdout: input.write, drained: input.drained },
    ),
  );
  return isWhole ? 0 : 1;
}
