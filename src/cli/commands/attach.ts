import { fileFlags } from '../builder/file-flags.js';
import { chooseContainer, findPod, mustRun } from '../builder/pod-target.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { pathOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';
import { runWithTerminal } from '../stream/attach-terminal.js';
import { commandProtocols } from '../stream/remote-command.js';

const pods = { group: '', version: 'v1', plural: 'pods' };

/** `trireme attach`. */
export const attachCommand = defineCommand({
  name: 'attach',
  summary: 'join the streams of a container that runs',
  usage: '(POD | TYPE/NAME) [-c CONTAINER]',
  examples: [
    ['see what it prints from now on', 'trireme attach web-0'],
    ['talk to its shell', 'trireme attach -it web-0'],
  ],
  flags: {
    filename: fileFlags.filename,
    container: { type: 'text', short: 'c', value: 'NAME', help: 'the container' },
    stdin: { type: 'bool', short: 'i', help: 'give it our standard input' },
    tty: { type: 'bool', short: 't', help: 'its terminal' },
    quiet: { type: 'bool', short: 'q', help: 'only what the container prints' },
  },
  completes: 'pods-and-workloads',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length !== 1 && flags.filename.length === 0) {
      throw new CommandLineError(
        args.length === 0
          ? 'at least 1 argument is required for attach'
          : `expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${args.length}: [${args.join(' ')}]`,
      );
    }
    return withSession(invocation, async (session) => {
      const pod = await findPod(session, args[0], flags);
      mustRun(pod);
      const container = chooseContainer(session, pod, flags.container, flags.quiet === true);
      const hasTty = pod.spec.containers.find(({ name }) => name === container)?.tty === true;
      const tty = flags.tty === true && hasTty;
      if (flags.tty === true && !hasTty && flags.quiet !== true) {
        context.err(`error: Unable to use a TTY - container ${container} did not allocate one\n`);
      }
      if (flags.quiet !== true && tty)
        context.err("If you don't see a command prompt, try pressing enter.\n");
      const { name, namespace } = pod.metadata;
      const socket = await session.kube.webSocket(
        {
          path: pathOf(pods, { namespace, name, subresource: 'attach' }),
          query: {
            container,
            stdin: flags.stdin === true ? 'true' : undefined,
            stdout: 'true',
            stderr: tty ? undefined : 'true',
            tty: tty ? 'true' : undefined,
          },
        },
        commandProtocols,
      );
      return runWithTerminal(socket, context, { stdin: flags.stdin === true, tty });
    });
  },
});
