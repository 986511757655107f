import { Command } from 'commander';
import type { ExecInput, ExecOutput } from '../../gen/agent.js';
import { AgentDefinition } from '../../gen/agent.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import { parseFlags } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import { podName } from './logs.js';

interface Flags extends NamespaceFlags {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

/** `trireme exec POD -- COMMAND...`: its exit code is the command's. */
export async function runExec(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const separator = argv.indexOf('--');
  const words = separator < 0 ? [] : argv.slice(separator + 1);
  const command = addNamespaceFlags(
    new Command('exec')
      .usage('POD [flags] -- COMMAND [ARG...]')
      .argument('<pod>', 'the pod, also as pod/NAME')
      .option('-c, --container <name>', 'the container (default: the first of the pod)')
      .option('-i, --stdin', 'pass standard input to the command')
      .option('-t, --tty', 'run the command on a terminal'),
  );
  const parsed = parseFlags<Flags>(command, separator < 0 ? argv : argv.slice(0, separator));
  if (parsed.help) return 0;
  const { options } = parsed;
  const pod = podName(options.args[0]);
  if (words.length === 0) throw new UsageError('name a command after --');
  const connection = await context.connect(options);
  try {
    const call = connection.channel().client(AgentDefinition).exec();
    const tty = options.tty === true && process.stdin.isTTY;
    call.send({
      kind: {
        $case: 'start',
        value: {
          container: {
            namespace: options.namespace ?? connection.namespace,
            pod,
            uid: '',
            container: options.container ?? '',
          },
          command: [...words],
          stdin: options.stdin ?? false,
          stdout: true,
          stderr: !tty,
          tty,
        },
      },
    });
    const restore = options.stdin === true ? sendInput(call, tty) : () => undefined;
    if (options.stdin !== true) call.end();
    try {
      return await printOutput(context, call);
    } finally {
      restore();
    }
  } finally {
    connection.close();
  }
}

/** Our input, and the size of our terminal, until the call ends. @returns what puts the terminal back */
function sendInput(call: ClientDuplex<ExecOutput, ExecInput>, tty: boolean): () => void {
  const { stdin, stdout } = process;
  const resize = (): void => {
    call.send({
      kind: { $case: 'resize', value: { width: stdout.columns, height: stdout.rows } },
    });
  };
  if (tty) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    resize();
  }
  stdin.on('data', (data: Buffer) => {
    if (call.send({ kind: { $case: 'stdin', value: data } })) return;
    stdin.pause();
    void call.drained().then(() => stdin.resume());
  });
  stdin.on('end', () => {
    call.send({ kind: { $case: 'stdinClosed', value: true } });
  });
  return () => {
    if (tty) stdin.setRawMode(false);
    stdout.removeListener('resize', resize);
    stdin.pause();
  };
}

async function printOutput(
  context: CommandContext,
  call: ClientDuplex<ExecOutput, ExecInput>,
): Promise<number> {
  for await (const { kind } of call) {
    if (kind?.$case === 'stdout') context.out(kind.value);
    else if (kind?.$case === 'stderr') context.err(kind.value);
    else if (kind?.$case === 'exit') {
      if (kind.value.error !== '') context.err(`error: ${kind.value.error}\n`);
      return kind.value.code;
    }
  }
  context.err('error: the connection ended before the command did\n');
  return 1;
}
