/** What `get` is asked, and how it prints. */
import type { KubeObject } from '../../api/object.js';
import type { Selection } from '../builder/arguments.js';
import {
  allNamespacesFlag,
  fieldSelectorFlag,
  fileFlags,
  selectorFlag,
} from '../builder/file-flags.js';
import type { ReadOptions } from '../builder/read-selection.js';
import type { Invocation } from '../command/spec.js';
import { momentValue } from '../history/moment.js';
import type { Session } from '../kube/session.js';
import type { Printable } from '../print/output.js';
import { outputFlags } from '../print/output.js';
import type { TableStyle } from '../print/table.js';

/** The flags of `get`. */
export const getFlags = {
  ...fileFlags,
  ...selectorFlag,
  ...fieldSelectorFlag,
  ...allNamespacesFlag,
  ...outputFlags,
  watch: { type: 'bool', short: 'w', help: 'then print what changes' },
  'watch-only': { type: 'bool', help: 'print only what changes' },
  'output-watch-events': { type: 'bool', help: 'print the type of each change' },
  'show-labels': { type: 'bool', help: 'labels as the last column' },
  'label-columns': {
    type: 'list',
    short: 'L',
    commas: true,
    value: 'KEY',
    help: 'labels that are columns',
  },
  'show-kind': { type: 'bool', help: 'names bear their type' },
  'no-headers': { type: 'bool', help: 'no line with the names of columns' },
  'sort-by': { type: 'text', value: 'PATH', help: "a field, for example '{.metadata.name}'" },
  'ignore-not-found': { type: 'bool', help: 'what is not there is no failure' },
  subresource: { type: 'text', value: 'NAME', help: 'status, scale or another part of the object' },
  'chunk-size': { type: 'int', default: 500, help: 'objects that one answer holds; 0 is all' },
  raw: { type: 'text', value: 'PATH', help: 'print what the server answers to this path' },
  at: { type: 'text', value: momentValue, help: 'as it was then' },
  'server-print': { type: 'bool', default: true, help: 'tables are made by the server, always' },
} as const;

/** A `get` that was understood. */
export type GetInvocation = Invocation<typeof getFlags>;

/** What is asked of the server. */
export function readOptions(
  session: Session,
  flags: GetInvocation['flags'],
  revision?: string,
): ReadOptions {
  return {
    revision,
    namespace: flags['all-namespaces'] === true ? undefined : session.namespace,
    labelSelector: flags.selector,
    fieldSelector: flags['field-selector'],
    subresource: flags.subresource,
    ignoreNotFound: flags['ignore-not-found'] ?? false,
    chunkSize: flags['chunk-size'],
    includeObject: flags['sort-by'] === undefined ? 'Metadata' : 'Object',
  };
}

/** How the tables look. */
export function styleOf(selection: Selection, flags: GetInvocation['flags']): TableStyle {
  return {
    wide: flags.output === 'wide',
    headers: flags['no-headers'] !== true,
    namespaces: flags['all-namespaces'] === true && selection.resource.namespaced,
    kinds: selection.several || flags['show-kind'] === true,
    showLabels: flags['show-labels'] ?? false,
    labelColumns: flags['label-columns'],
  };
}

/** An object with its place. */
export function printable({ resource }: Selection, object: KubeObject): Printable {
  const { name, namespace } = object.metadata;
  return { object, ref: { resource, namespace, name } };
}
