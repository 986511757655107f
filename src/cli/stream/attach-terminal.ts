import type { CommandContext } from '../context.js';
import type { CommandStreams } from './remote-command.js';
import { runRemote, terminalOf } from './remote-command.js';
import type { WebSocket } from 'ws';

/** Runs a remote command with the process's own streams. @returns its exit code */
export async function runWithTerminal(
  socket: WebSocket,
  context: CommandContext,
  options: { readonly stdin: boolean; readonly tty: boolean; readonly quiet?: boolean },
): Promise<number> {
  const input = options.stdin ? context.input() : undefined;
  const isRaw = options.tty && input?.isTTY === true;
  const streams: CommandStreams = {
    stdin: input,
    stdout: context.out,
    stderr: context.err,
    drained: context.drained,
    ...(options.tty ? { terminal: terminalOf(process.stdout) } : {}),
  };
  if (isRaw) input?.setRawMode?.(true);
  try {
    return await runRemote(socket, streams);
  } finally {
    if (isRaw) input?.setRawMode?.(false);
  }
}
