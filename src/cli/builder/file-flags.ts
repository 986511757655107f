import type { Flags } from '../command/flag-types.js';

/** The flags that name files. */
export const fileFlags = {
  filename: {
    type: 'list',
    short: 'f',
    value: 'FILE',
    help: 'a file, a directory, a URL, or - for standard input; may be repeated',
  },
  kustomize: {
    type: 'text',
    short: 'k',
    value: 'DIR',
    help: 'a kustomization, built by the program kustomize or kubectl',
  },
  recursive: { type: 'bool', short: 'R', help: 'read directories with all that is below them' },
} as const satisfies Flags;

/** `-l`. */
export const selectorFlag = {
  selector: {
    type: 'text',
    short: 'l',
    value: 'LABELS',
    help: "only objects with these labels, for example 'app=web,tier!=db' or 'app in (a,b)'",
  },
} as const satisfies Flags;

/** `--field-selector`. */
export const fieldSelectorFlag = {
  'field-selector': {
    type: 'text',
    value: 'FIELDS',
    help: 'only objects with these fields, for example status.phase=Running',
  },
} as const satisfies Flags;

/** `-A`. */
export const allNamespacesFlag = {
  'all-namespaces': { type: 'bool', short: 'A', help: 'in all namespaces' },
} as const satisfies Flags;

/** `--local`. */
export const localFlag = {
  local: { type: 'bool', help: 'change what -f says and print it; no server is asked' },
} as const satisfies Flags;
