/**
 * Runs a job in a process of its own, so that the generator's CPU time is told apart and nobody else's turn delays it.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../lib/wait.js';
import type { Job, JobAnswer, Measured } from './jobs.js';

const program = fileURLToPath(new URL('./generator-main.js', import.meta.url));

/**
 * @param deadlineMs after which the process is killed and the run has failed
 * @throws what the job threw, or that it failed calls: a figure beside failures is no figure
 */
export async function runJob(job: Job, deadlineMs: number): Promise<Measured> {
  const child = fork(program, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const answered = new Promise<JobAnswer>((resolve, reject) => {
      child.once('message', (message) => resolve(message as JobAnswer));
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        reject(new Error(`the load generator ended (${code ?? signal})`));
      });
    });
    child.send(job);
    const answer = await within(deadlineMs, `the job ${job.kind}`, answered);
    if (!answer.ok) throw new Error(answer.error);
    const { failed, firstFailure } = answer.measured;
    if (failed > 0) throw new Error(`${failed} calls failed, the first: ${firstFailure}`);
    return answer.measured;
  } finally {
    child.kill('SIGKILL');
  }
}
