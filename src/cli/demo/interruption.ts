import type { EventEmitter } from 'node:events';

/** The parts of `process` that tell of its user's end. */
export interface Interruptible extends EventEmitter {
  readonly stdin: EventEmitter;
  readonly stdout: EventEmitter;
  readonly stderr: EventEmitter;
}

/** A terminal that is closed sends SIGHUP. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `interrupt` whenever the user ends the program: by a signal, by closing the terminal, or by closing the pipe
 * that it writes to. None of them ends the process by itself any more.
 * @returns a function that ends this
 */
export function onInterruption(program: Interruptible, interrupt: () => void): () => void {
  const streams = [program.stdin, program.stdout, program.stderr];
  for (const signal of signals) program.on(signal, interrupt);
  for (const stream of streams) stream.on('error', interrupt);
  return () => {
    for (const signal of signals) program.off(signal, interrupt);
    for (const stream of streams) stream.off('error', interrupt);
  };
}
