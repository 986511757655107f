/** How the first process of a container ended, in words. Pure. */

const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

/** What the shells' and runtimes' own codes mean. */
const codes: Readonly<Record<number, string>> = {
  126: 'the command cannot be executed',
  127: 'the command was not found',
  128: 'the container could not be started',
};

/** The end of a container as its status tells of it. */
export interface Ended {
  readonly exitCode: number;
  readonly reason?: string | undefined;
  readonly signal?: number | undefined;
  readonly message?: string | undefined;
}

/** `exit code 1`, `killed by SIGKILL (exit code 137)`, `used more memory than its limit (OOMKilled, exit code 137)`. */
export function exitWords({ exitCode, reason = '', signal }: Ended, memoryLimit?: string): string {
  if (reason === 'OOMKilled') {
    const limit = memoryLimit === undefined ? 'the node had' : `its limit of ${memoryLimit}`;
    return `it used more memory than ${limit} and was killed (OOMKilled, exit code ${exitCode})`;
  }
  const number = signal !== undefined && signal > 0 ? signal : exitCode > 128 ? exitCode - 128 : 0;
  const name = signals[number];
  if (name !== undefined) return `it was ended by ${name} (exit code ${exitCode})`;
  const meaning = codes[exitCode];
  if (meaning !== undefined) return `${meaning} (exit code ${exitCode})`;
  if (exitCode === 0) return 'it ended without an error (exit code 0)';
  return `it ended with exit code ${exitCode}`;
}
