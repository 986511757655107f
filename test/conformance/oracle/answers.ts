/**
 * Answers to mutations in one line a field:
 *
 *     spec.dnsPolicy  null=ok empty=NotSupported bad=NotSupported number=400
 *
 * `ok` is an object that is accepted, a number another code than 422, and other words the reasons of a refusal, each
 * with its field where that is not the one of the line: `Required@spec.containers[0].image`. They are sorted, and each
 * is there once.
 */

/** What is wrong with one field, as in `details.causes`. */
export interface Cause {
  readonly reason: string;
  readonly field: string;
}

/** Writes an answer as one word. */
export function answerText(code: number, causes: readonly Cause[], field: string): string {
  if (code < 300) return 'ok';
  if (code !== 422) return String(code);
  const words = causes.map((cause) => {
    const reason = cause.reason.replace(/^FieldValue/, '');
    return cause.field === field ? reason : `${reason}@${cause.field.replaceAll(' ', '_')}`;
  });
  return words.length === 0 ? '422' : [...new Set(words)].sort().join(',');
}

/** Answers by field and mutation. */
export type Answers = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Writes answers, a line a field. */
export function formatAnswers(answers: Answers): string {
  const lines: string[] = [];
  for (const [field, byName] of answers) {
    lines.push(`${field}  ${[...byName].map(([name, answer]) => `${name}=${answer}`).join(' ')}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Leaves out what others answer alike: most updates are refused as creations are. */
export function withoutSame(answers: Answers, others: Answers): Answers {
  const left = new Map<string, ReadonlyMap<string, string>>();
  for (const [field, byName] of answers) {
    const rest = [...byName].filter(([name, answer]) => others.get(field)?.get(name) !== answer);
    if (rest.length > 0) left.set(field, new Map(rest));
  }
  return left;
}

/** Reads what {@link formatAnswers} has written. */
export function parseAnswers(text: string): Answers {
  const answers = new Map<string, Map<string, string>>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [field = '', ...words] = line.split(/ +/);
    const entries = words.map((word): [string, string] => {
      const at = word.indexOf('=');
      return [word.slice(0, at), word.slice(at + 1)];
    });
    answers.set(field, new Map(entries));
  }
  return answers;
}
