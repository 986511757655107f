/** Runs a simulation's program as people do, for tests of many seeds. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Ends a run that hangs. In the whole suite simulations have what all other tests leave of the machine. */
export const volumeMsMax = 2_400_000;

/** Runs the program on seeds, and returns its output and exit code. */
export function runSeeds(
  program: string,
  parameters: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const path = fileURLToPath(new URL(`../${program}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...parameters], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
