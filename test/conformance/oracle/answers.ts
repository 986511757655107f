/**
 * Answers to changed objects in one line a field, and below them what is wrong, which many fields share:
 *
 *     spec.dnsPolicy  null=ok empty=1+2 bad=1 number=3
 *
 *     1 @: Unsupported value: <value>: supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"
 *     2 spec.dnsConfig: …
 *     3 400 Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field …
 *
 * `ok` is an object that is accepted. A text begins with the code where that is not 422; `@` is the field of the line,
 * `<value>` what was put there. Causes are sorted, each is there once.
 */

/** What is wrong with one field, as in `details.causes`. */
export interface Cause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** A refusal, or none. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly causes: readonly Cause[];
}

/** What mutations put in as a text that is too long. */
export const longText = 'x'.repeat(300);
/** Reasons that the words of a message do not tell. */
const untold = new Set(['FieldValueTypeInvalid', 'InternalError']);

/** What was changed: where, and to what. */
export interface Change {
  readonly field: string;
  readonly value: unknown;
}

const between = ' | ';

/** Numbers below this occur in texts for other reasons. */
const leastShown = 1000;

/** Replaces the value that was put in, so that many changes share one text. */
function withoutValue(text: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') {
    return text.replaceAll(`"${value}"`, '<value>');
  }
  return typeof value === 'number' && value > leastShown
    ? text.replaceAll(String(value), '<value>')
    : text;
}

const groups =
  'admissionregistration|apiextensions|apps|autoscaling|batch|core|networking|node|policy|rbac|runtime|scheduling|storage';
const go = String.raw`(?:\[\])?(?:(?:${groups})\.\w+|(?<=\[\])(?:string|int32))`;
const structs = new RegExp(String.raw`value: (?:${go})?(?:\(nil\)|[{[].*[}\]])(?=$|: )`);

const quantities = /resource\.Quantity\{.*?s:("[^"]*"), Format:"\w*"\}/g;
const uids = /[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g;

/**
 * What is compared of a text. Kubernetes shows structs as Go does, with addresses of memory, and we show JSON; both
 * stand for what is in them. What has no addresses is shown alike: maps, selectors, numbers or percentages; but for
 * Go's difference between nothing and what is empty, which objects do not keep here.
 */
export function comparable(text: string): string {
  return text
    .replaceAll(quantities, '$1')
    .replaceAll(uids, '<uid>')
    .replace(structs, 'value: {…}')
    .replaceAll(/((?:\[\]|map\[)[\w.\]]+)\{\}/g, '$1(nil)');
}

/** An answer as it is compared; for answers recorded when more of a text was. */
export function comparableAnswer(answer: string): string {
  return joined(answer.split(between).map(comparable));
}

function joined(texts: readonly string[]): string {
  return [...new Set(texts)].toSorted((a, b) => (a < b ? -1 : 1)).join(between);
}

/** Writes an answer as one text. */
export function answerText({ code, message, causes }: Refusal, { field, value }: Change): string {
  if (code < 300) return 'ok';
  const texts = causes.map((cause) => {
    const at = cause.field === field ? '@' : cause.field;
    return `${untold.has(cause.reason) ? `${cause.reason} ` : ''}${at}: ${cause.message}`;
  });
  const text = code === 422 && texts.length > 0 ? texts.join(between) : message;
  const lines = text
    .split(between)
    .map((each) => withoutValue(comparable(each), value))
    .map((each) => each.replaceAll(longText, '<long>'));
  const line = joined(lines.map((each) => each.split('\n')[0] ?? ''));
  return code === 422 ? line : `${code} ${line}`.trim();
}

/** Answers by field and mutation. */
export type Answers = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Writes answers, a line a field. */
export function formatAnswers(answers: Answers): string {
  const numbers = new Map<string, number>();
  const short = (answer: string): string => {
    if (answer === 'ok') return answer;
    const words = answer.split(between).map((text) => {
      const number = numbers.get(text) ?? numbers.size + 1;
      numbers.set(text, number);
      return number;
    });
    return words.join('+');
  };
  const lines = [...answers].map(([field, byName]) => {
    const words = [...byName].map(([name, answer]) => `${name}=${short(answer)}`);
    return `${field}  ${words.join(' ')}`;
  });
  const texts = [...numbers].map(([text, number]) => `${number} ${text}`);
  return `${[...lines, '', ...texts].join('\n').trim()}\n`;
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
  const [fields = '', below = ''] = text.split('\n\n');
  const texts = new Map(below.split('\n').map(splitAtBlank));
  const answers = new Map<string, Map<string, string>>();
  for (const line of fields.split('\n')) {
    if (line === '') continue;
    const [field = '', ...words] = line.split(/ +/);
    const entries = words.map((word): [string, string] => {
      const [name, answer] = [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];
      return [
        name,
        answer
          .split('+')
          .map((word) => texts.get(word) ?? word)
          .join(between),
      ];
    });
    answers.set(field, new Map(entries));
  }
  return answers;
}

function splitAtBlank(line: string): [string, string] {
  const at = line.indexOf(' ');
  return [line.slice(0, at), line.slice(at + 1)];
}
