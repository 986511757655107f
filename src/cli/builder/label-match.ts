import { matchesRequirements } from '../../api/facts/selectors.js';
import { parseLabelSelector } from '../../api/facts/selector-text.js';
import type { KubeObject } from '../../api/object.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';

/** True when `-l` chooses an object of a file. @throws CommandLineError for a selector that cannot be read */
export function matchesLabels(selector: string | undefined, object: KubeObject): boolean {
  if (selector === undefined) return true;
  try {
    return matchesRequirements(parseLabelSelector(selector), object.metadata.labels ?? {});
  } catch (error) {
    throw new CommandLineError(errorMessage(error), { plain: true });
  }
}
