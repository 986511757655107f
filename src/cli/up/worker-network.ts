/** A worker's network: a process beside the agent, which starts and ends with it where a whole host is meant. */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { socketName } from '../../netproxy/isolation/messages.js';
import { proxyDirectory } from '../../worker/proxy/node-proxy.js';
import type { ProcessRecord } from '../home.js';
import { programPath } from '../home.js';
import type { HostPlan } from './hosts.js';
import { planProxy, startInBackground } from './hosts.js';

const execute = promisify(execFile);
const askMsMax = 30_000;

/** The flag by which a build shows that its agent leaves the network to another process. */
export const twoProcessesFlag = '--proxy-in-process';

/** False for builds whose agents serve the network of a node themselves, always. */
export async function knowsNetproxy(program: string): Promise<boolean> {
  if (program === programPath) return true;
  const parameters = [program, 'worker', '--help'];
  const { stdout } = await execute(process.execPath, parameters, { timeout: askMsMax }).catch(
    () => ({ stdout: '' }),
  );
  return stdout.includes(twoProcessesFlag);
}

/** Starts the network of a worker, with the build that the worker runs, which must know it; undefined: it has none. */
export function startNetwork(host: HostPlan): ProcessRecord | undefined {
  const plan = planProxy(host);
  if (plan === undefined) return undefined;
  const pid = startInBackground(plan.command, plan.logFile, host.netns, host.program);
  return { pid, logFile: plan.logFile };
}

/** True once the network of a worker listens to its agent. */
export async function networkAnswers(dataDir: string): Promise<boolean> {
  const directory = await open(proxyDirectory(dataDir)).catch(() => undefined);
  if (directory === undefined) return false;
  // Through the descriptor: a socket's path has at most 107 bytes.
  const socket = connect({ path: `/proc/self/fd/${directory.fd}/${socketName}` });
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
    await directory.close();
  }
}
