/**
 * Reads the token of a joining machine. A file or the environment is better than the command line, which every user can
 * list.
 */
import { readFileSync } from 'node:fs';

/** The environment variable that holds the token. */
export const joinTokenVariable = 'TRIREME_JOIN_TOKEN';

/**
 * The token of a flag, else of a file (`-`: standard input), else of the environment. Undefined where none is named;
 * empty for a file that is gone: who has joined needs it no more.
 * @throws the system's error when the file cannot be read
 */
export function readJoinToken(
  flags: { readonly token?: string; readonly tokenFile?: string },
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (flags.token !== undefined) return flags.token;
  if (flags.tokenFile === undefined) return environment[joinTokenVariable];
  try {
    return readFileSync(flags.tokenFile === '-' ? 0 : flags.tokenFile, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw error;
  }
}
