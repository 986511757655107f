import { isApiError } from '../../client/types.js';
import type { CommandContext } from '../context.js';
import { refusalText } from './status-error.js';

/**
 * Goes through all items although some are refused: each refusal is said, and the command fails.
 * @param prefix what a refusal begins with, for example `error when creating "x.yaml": `
 * @returns the exit code
 */
export async function forEachUnlessRefused<T>(
  context: CommandContext,
  items: readonly T[],
  act: (item: T) => Promise<void>,
  prefix: (item: T) => string = () => '',
): Promise<number> {
  let code = 0;
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      if (!isApiError(error)) throw error;
      context.err(`${refusalText(error, prefix(item))}\n`);
      code = 1;
    }
  }
  return code;
}
