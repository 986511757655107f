/** Runs a simulation's program as people do, for tests of many seeds. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Ends a run that hangs. In the whole suite simulations have what all other tests leave of the machine. */
export const volumeMsMax = 2_400_000;

/**
 * V8 as it spends the least: two halves have a core each, where threads of the collector only take from one another;
 * a run's objects are mostly gone before a large young generation is full; and most of the control plane's code is not
 * hot enough ever to be optimized.
 */
const thriftyV8 = [
  '--single-threaded-gc',
  '--min-semi-space-size=16',
  '--max-semi-space-size=64',
  '--always-sparkplug',
];

/**
 * Runs the program on seeds, and returns its output and exit code.
 * @param env beside this process's environment
 */
export function runSeeds(
  program: string,
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const path = fileURLToPath(new URL(`../${program}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...thriftyV8, path, ...parameters], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
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
