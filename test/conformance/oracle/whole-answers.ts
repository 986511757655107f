/** Whole answers as lines: what is compared of them is all but what is chance, such as times and uids. */
import type { Cause } from './answers.js';
import { comparable } from './answers.js';
import type { Answer } from './client.js';

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly Cause[] };
}

/** Status in one line a cause: one that is there twice counts once. */
function refusal({ code, warnings = [], body }: Answer): string[] {
  const { message = '', reason = '', details = {} }: Status = body;
  const { causes = [], ...named } = details;
  return [
    `code ${code} ${reason} ${JSON.stringify(named)} ${code === 422 ? '' : message}`,
    ...(code === 422 ? [`message ${message.split(' is invalid: ')[0] ?? ''}`] : []),
    ...warnings.map((text) => `warning ${text}`),
    ...causes.map(
      ({ field, message: text, reason: why }) => `cause ${why} ${field}: ${comparable(text)}`,
    ),
  ];
}

const chance = /^metadata\.(uid|creationTimestamp|resourceVersion)$|^metadata\.managedFields/;

/** All fields of an answer as lines, `PATH VALUE`, and its code and warnings. */
export function wholeAnswer(answer: Answer): string[] {
  const { code, warnings = [], body } = answer;
  if (code >= 300) return refusal(answer).map(comparableLine);
  const { apiVersion = '' } = body as { readonly apiVersion?: string };
  return [
    `code ${code}`,
    ...warnings.map((text) => `warning ${text}`),
    ...fieldLines(body, { emptyLists: apiVersion.includes('example.com') }),
  ];
}

/** All fields of a value as lines; @param options.emptyLists whether lists without items are told too */
function fieldLines(body: unknown, options: { readonly emptyLists: boolean }): string[] {
  const lines: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (chance.test(path) || value === null) return;
    if (Array.isArray(value)) {
      if (value.length === 0 && options.emptyLists) lines.push(`${path} []`);
      value.forEach((item, index) => visit(item, `${path}[${index}]`));
    } else if (typeof value === 'object') {
      const entries = Object.entries(value);
      if (entries.length === 0) lines.push(`${path} {}`);
      for (const [key, item] of entries) visit(item, path === '' ? key : `${path}.${key}`);
    } else lines.push(`${path} ${JSON.stringify(value)}`);
  };
  visit(body, '');
  return lines;
}

/** What an answer has that was not sent (`+`), and what was sent and is not in it (`-`); times are not told. */
export function answerBeside(sent: unknown, answer: Answer): string[] {
  const [before, after] = [fieldLines(sent, { emptyLists: false }), wholeAnswer(answer)];
  return [
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
  ]
    .map((line) => line.replace(/(\.lastTransitionTime ).*/, '$1<time>'))
    .toSorted();
}

/** What is said of texts with a type of their own in Go, after addresses of memory, and of further faults of syntax. */
const untold: readonly (readonly [RegExp, string])[] = [
  [/0x[\da-f]{6,}/g, '<address>'],
  [/of type ((?:\[\])?)(?:v\d\w*\.[A-Z]\w+|string)$/, 'of type $1<text>'],
  [/\n[^]*/, ''],
];

function comparableLine(line: string): string {
  return untold.reduce((text, [pattern, by]) => text.replace(pattern, by), line);
}
