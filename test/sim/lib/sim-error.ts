/**
 * The failures of a simulation, by which the runner chooses its exit code. Any other error is a crash of the program
 * under test.
 */

/** Exit codes of the simulation's runner. */
export const exitCodes = { ok: 0, crash: 127, liveness: 128, correctness: 129 } as const;

/** A promise to users was broken. */
export class CorrectnessError extends Error {
  override readonly name = 'CorrectnessError';
}

/** After the faults had ended the cluster did not recover in time. */
export class LivenessError extends Error {
  override readonly name = 'LivenessError';
}

/** Checks a promise. @throws CorrectnessError */
export function check(condition: boolean, message: () => string): void {
  if (!condition) throw new CorrectnessError(message());
}

/** The exit code for what a run threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CorrectnessError) return exitCodes.correctness;
  if (error instanceof LivenessError) return exitCodes.liveness;
  return exitCodes.crash;
}
