/** The load generator's process: takes one job by message, answers, and ends with its parent. */
import { runKeepAlive } from './job-keep-alive.js';
import { runFill, runLoad } from './job-load.js';
import { runWatch } from './job-watch.js';
import type { Job, JobAnswer, Measured } from './jobs.js';

async function run(job: Job): Promise<Measured> {
  switch (job.kind) {
    case 'load':
      return runLoad(job);
    case 'fill':
      return runFill(job);
    case 'watch':
      return runWatch(job);
    case 'keep-alive':
      return runKeepAlive(job);
    default:
      throw new Error(`no such job: ${JSON.stringify(job satisfies never)}`);
  }
}

process.on('disconnect', () => process.exit(1));
process.on('message', (job: Job) => {
  run(job).then(
    (measured) => answer({ ok: true, measured }),
    (error: unknown) => answer({ ok: false, error: String(error) }),
  );
});

function answer(value: JobAnswer): void {
  process.send?.(value);
}
