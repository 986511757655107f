import { errorMessage } from '../../lib/errors.js';
import type { Channel } from '../../lib/grpc/index.js';
import type { CommandContext } from '../context.js';
import { ClusterWatch } from './watch.js';
import type { WatchOutput } from './watch.js';

/**
 * `trireme cluster watch`: until interrupted.
 * @param channels one for each master
 * @returns the exit code
 */
export async function runWatch(
  context: CommandContext,
  channels: readonly Channel[],
  output: WatchOutput,
): Promise<number> {
  const watch = new ClusterWatch(context, channels);
  if (output === 'screen') return await onScreen(context, watch);
  const ending = new AbortController();
  await Promise.race([
    watch.read(ending.signal),
    watch.write(output === 'json', ending.signal),
  ]).finally(() => ending.abort());
  return 0;
}

/** On a terminal: `q` and Ctrl-C end it, and so do signals; the terminal is given back in any case. */
async function onScreen(context: CommandContext, watch: ClusterWatch): Promise<number> {
  const { openScreen } = await import('./screen.js');
  const screen = openScreen(process.stdout, process.stdin);
  const ending = new AbortController();
  let code = 0;
  const end = (with_: number): void => {
    code = with_;
    ending.abort();
  };
  const onTerm = (): void => end(143);
  const onInt = (): void => end(130);
  process.once('SIGTERM', onTerm);
  process.once('SIGINT', onInt);
  screen.onKey((key) => {
    if (key === 'q' || key === 'Q' || key === 'interrupt') end(0);
  });
  try {
    await Promise.all([watch.read(ending.signal), watch.draw(screen, ending.signal)]);
  } catch (error) {
    screen.close();
    context.err(`error: ${errorMessage(error)}\n`);
    code = 1;
  } finally {
    ending.abort();
    screen.close();
    process.off('SIGTERM', onTerm);
    process.off('SIGINT', onInt);
  }
  context.out(watch.lastElection(screen));
  return code;
}
