/** The small init that holds a pod's shared PID namespace and reaps its orphans. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { RuntimeError } from '../types.js';

/** One of them. */
export interface Pause {
  /** As the node sees it. */
  readonly pid: number;
  /** See {@link startOfProcess}; absent in records of earlier versions. */
  readonly start?: string;
}

/** Starts one. @param shim the program that is it */
export async function startPause(shim: string): Promise<Pause> {
  const pid = await spawnPause(shim);
  const start = await startOfProcess(pid);
  return { pid, ...(start === undefined ? {} : { start }) };
}

function spawnPause(shim: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', ['--pid', '--fork', '--mount-proc', shim, 'pause'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    const fail = (): void => {
      reject(new RuntimeError('CreateFailed', 'the shared PID namespace could not be made'));
    };
    child.on('error', fail);
    child.on('close', fail);
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
      if (!text.includes('\n')) return;
      child.unref();
      child.stdout?.destroy();
      childOf(child.pid ?? 0).then(resolve, reject);
    });
  });
}

async function childOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return Number(text.trim().split(' ')[0]);
}

/** False when it has ended: its number may be another process's by now, also another pod's pause after a reboot. */
export async function isPause({ pid, start }: Pause): Promise<boolean> {
  if (start !== undefined) return start === (await startOfProcess(pid));
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return words.includes('pause');
}

/** Ends it, and nothing that has its number by now. */
export async function killPause(pause: Pause): Promise<void> {
  if (await isPause(pause)) process.kill(pause.pid, 'SIGKILL');
}

/** The boot of the machine and the ticks since then at which a process began: no two with one number have the same. */
export async function startOfProcess(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The name of the program, in brackets, may hold blanks. See proc(5): the start is field 22.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot.trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}
