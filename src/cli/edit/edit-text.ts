/** The texts that `edit` gives an editor and gets back. */
import { deepEqual } from '../../api/equal.js';
import { parseYamlBody } from '../../api/schema/yaml-text.js';
import type { ApiError } from '../../client/types.js';

const head = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;

/** Why a text is opened again: what was wrong, and with which fields. */
export interface EditReason {
  readonly head: string;
  readonly fields: readonly string[];
}

/** The text for the editor: what to do, why it is opened again, the object. JSON has no comments. */
export function editorText(
  body: string,
  options: { readonly json: boolean; readonly reason: EditReason | undefined },
): string {
  const { json, reason } = options;
  if (json) return body;
  if (reason === undefined) return `${head}${body}`;
  const lines = [
    ...`${reason.head}${reason.fields.length > 0 ? ':' : ''}`.split('\n'),
    ...reason.fields.flatMap((field) => `* ${field}`.split('\n')),
  ];
  return `${head}${lines.map((line) => `# ${line}\n`).join('')}#\n${body}`;
}

/** A saved text without what {@link editorText} put before it. */
export function bodyOf(text: string, json: boolean): string {
  return json ? text : text.replace(/^(?:#.*(?:\n|$))+/, '');
}

/** True for a text that has nothing but comments and blanks. */
export function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(?:#.*)?$/.test(line));
}

/** True when two texts mean the same; of those that cannot be read, when they say the same beside their comments. */
export function meansTheSame(a: string, b: string): boolean {
  const [left, right] = [valueOf(a), valueOf(b)];
  if (left === undefined || right === undefined) return uncommented(a) === uncommented(b);
  return deepEqual(left.value, right.value);
}

function valueOf(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseYamlBody(text).value };
  } catch {
    return undefined;
  }
}

function uncommented(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*#(?!!)/.test(line))
    .join('\n');
}

/** The reason for an object that the server found invalid. */
export function invalidReason(
  { plural, name }: { readonly plural: string; readonly name: string },
  { details }: Pick<ApiError, 'details'>,
): EditReason {
  const { causes = [] } = (details ?? {}) as {
    readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
  };
  return {
    head: `${plural} "${name}" was not valid`,
    fields: causes.map(({ field = '', message = '' }) => `${field}: ${message}`),
  };
}
