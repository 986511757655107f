import type { Flags } from '../command/flag-types.js';
import { allNamespacesFlag, fieldSelectorFlag, fileFlags, selectorFlag } from './file-flags.js';

/** The flags of commands that change objects which words, files or labels name. */
export const choiceFlags = {
  ...fileFlags,
  ...selectorFlag,
  ...fieldSelectorFlag,
  ...allNamespacesFlag,
  all: { type: 'bool', help: 'all objects of the type in the namespace' },
} as const satisfies Flags;
