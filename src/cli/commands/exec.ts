import { fileFlags } from '../builder/file-flags.js';
import { chooseContainer, findPod, mustRun } from '../builder/pod-target.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { pathOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';
import { runWithTerminal } from '../stream/attach-terminal.js';
import { commandProtocols } from '../stream/remote-command.js';

const pods = { group: '', version: 'v1', plural: 'pods' };

/** `trireme exec`. */
export const execCommand = defineCommand({
  name: 'exec',
  summary: 'run a command in a container',
  description: "Its exit code is the command's.",
  usage: '(POD | TYPE/NAME) [-c CONTAINER] -- COMMAND [ARG...]',
  examples: [
    ['a command', 'trireme exec web-0 -- date'],
    ['a shell in a terminal', 'trireme exec -it web-0 -- sh'],
    ['with a file as its input', 'trireme exec -i web-0 -- tee /tmp/x < x'],
    ['in a pod of a deployment', 'trireme exec deployment/web -- ls'],
  ],
  flags: {
    filename: fileFlags.filename,
    container: { type: 'text', short: 'c', value: 'NAME', help: 'the container' },
    stdin: { type: 'bool', short: 'i', help: 'give it our standard input' },
    tty: { type: 'bool', short: 't', help: 'give it a terminal' },
    quiet: { type: 'bool', short: 'q', help: 'only what the command prints' },
  },
  completes: 'pods-and-workloads',
  run: async (invocation) => {
    const { args, dash, flags, context } = invocation;
    const before = dash ?? args.length;
    const hasTarget = before > 0;
    const words = dash === undefined ? args.slice(1) : args.slice(dash);
    if (!hasTarget && flags.filename.length === 0)
      throw new CommandLineError('pod, type/name or --filename must be specified', { plain: true });
    if (words.length === 0)
      throw new CommandLineError('you must specify at least one command for the container', {
        plain: true,
      });
    if (dash === undefined || before > 1) {
      throw new CommandLineError(
        'exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead',
      );
    }
    return withSession(invocation, async (session) => {
      const pod = await findPod(session, args[0], flags);
      mustRun(pod);
      const container = chooseContainer(session, pod, flags.container, flags.quiet === true);
      const input = context.input();
      const wantsTty = flags.tty === true;
      const tty = wantsTty && flags.stdin === true && input.isTTY === true;
      if (wantsTty && !tty) {
        context.err(
          flags.stdin === true
            ? 'Unable to use a TTY - input is not a terminal or the right kind of file\n'
            : 'Unable to use a TTY - stdin is not attached (add -i)\n',
        );
      }
      const { name, namespace } = pod.metadata;
      const socket = await session.kube.webSocket(
        {
          path: pathOf(pods, { namespace, name, subresource: 'exec' }),
          query: {
            command: words,
            container,
            stdin: flags.stdin === true ? 'true' : undefined,
            stdout: 'true',
            stderr: tty ? undefined : 'true',
            tty: tty ? 'true' : undefined,
          },
        },
        commandProtocols,
      );
      const code = await runWithTerminal(socket, context, { stdin: flags.stdin === true, tty });
      if (code !== 0 && flags.quiet !== true)
        context.err(`command terminated with exit code ${code}\n`);
      return code;
    });
  },
});
