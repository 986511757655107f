/** `create namespace`, `quota`, `poddisruptionbudget`, `priorityclass`. */
import { parseLabelSelector } from '../../api/facts/selector-text.js';
import { goQuote } from '../../api/go-text/quote.js';
import { quantityError, storedQuantity } from '../../api/quantity.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme create namespace`. */
export const createNamespace = defineGenerator({
  name: 'namespace',
  aliases: ['ns'],
  summary: 'create a namespace',
  usage: 'NAME',
  examples: [['a namespace', 'trireme create namespace jobs']],
  flags: {},
  make: (name) =>
    ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {}, status: {} }) as Made,
});

/** `name=quantity` words as a map, in the form in which the server keeps them. @throws CommandLineError */
export function amountsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [name = '', text, more] = word.split('=');
      if (text === undefined || more !== undefined) {
        throw plain(`Invalid argument syntax ${word}, expected <resource>=<value>`);
      }
      const stored = storedQuantity(text);
      if (stored === undefined) throw plain(quantityError);
      return [name, stored];
    }),
  );
}

/** `trireme create quota`. */
export const createQuota = defineGenerator({
  name: 'quota',
  aliases: ['resourcequota'],
  summary: 'create a quota of a namespace',
  usage: 'NAME [--hard=KEY=VALUE,...] [--scopes=SCOPE,...]',
  examples: [['of pods and processors', 'trireme create quota small --hard=pods=10,cpu=2']],
  flags: {
    hard: { type: 'list', commas: true, value: 'KEY=VALUE', help: 'what may be used' },
    scopes: { type: 'list', commas: true, value: 'SCOPE', help: 'of which pods' },
  },
  make: (name, { flags }) =>
    ({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: {
        ...(flags.hard.length === 0 ? {} : { hard: amountsOf(flags.hard) }),
        ...(flags.scopes.length === 0 ? {} : { scopes: flags.scopes }),
      },
      status: {},
    }) as Made,
});

/** A number of pods, or a share of them. @throws CommandLineError */
function amount(text: string, flag: string): number | string {
  if (!/^[0-9]+%?$/.test(text)) throw plain(`invalid format specified for ${flag}`);
  return text.endsWith('%') ? text : Number(text);
}

/** `trireme create poddisruptionbudget`. */
export const createBudget = defineGenerator({
  name: 'poddisruptionbudget',
  aliases: ['pdb'],
  summary: 'create a bound for evictions',
  usage: 'NAME --selector=LABELS (--min-available=N | --max-unavailable=N)',
  examples: [
    ['two stay', 'trireme create poddisruptionbudget web --selector=app=web --min-available=2'],
  ],
  flags: {
    selector: { type: 'text', value: 'LABELS', help: 'of the pods' },
    'min-available': { type: 'text', value: 'N', help: 'how many stay, or a percentage' },
    'max-unavailable': {
      type: 'text',
      value: 'N',
      help: 'how many may be missing, or a percentage',
    },
  },
  make: (name, { flags }) => {
    const { 'min-available': min, 'max-unavailable': max, selector } = flags;
    if (selector === undefined) throw plain('a selector must be specified');
    if (min === undefined && max === undefined)
      throw plain('one of min-available or max-unavailable must be specified');
    if (min !== undefined && max !== undefined)
      throw plain('min-available and max-unavailable cannot be both specified');
    return {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name },
      spec: {
        ...(max === undefined ? {} : { maxUnavailable: amount(max, 'max-unavailable') }),
        ...(min === undefined ? {} : { minAvailable: amount(min, 'min-available') }),
        selector: selectorOf(selector),
      },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    } as Made;
  },
});

/** The operators of a LabelSelector, by those of a selector's text; `=` becomes a pair. */
const operators: Readonly<Record<string, string>> = {
  '=': '',
  in: 'In',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

/** @throws CommandLineError for a text that is no selector, or one that a LabelSelector cannot say */
function requirementsOf(text: string): ReturnType<typeof parseLabelSelector> {
  let requirements: ReturnType<typeof parseLabelSelector>;
  try {
    requirements = parseLabelSelector(text);
  } catch (error) {
    throw plain(`couldn't parse the selector string ${goQuote(text)}: ${errorMessage(error)}`);
  }
  const wrong = requirements.find(({ operator }) => !Object.hasOwn(operators, operator));
  if (wrong === undefined) return requirements;
  const isKnown = wrong.operator === '!=';
  const why = isKnown
    ? 'is not a valid label selector operator'
    : "isn't supported in label selectors";
  throw plain(`${goQuote(wrong.operator)} ${why}`);
}

/** The text of a selector as the API's LabelSelector. @throws CommandLineError */
export function selectorOf(text: string): object {
  const requirements = requirementsOf(text);
  const pairs = requirements.filter(({ operator }) => operator === '=');
  const expressions = requirements
    .filter(({ operator }) => operator !== '=')
    .map(({ key, operator, values }) => ({
      key,
      operator: operators[operator],
      ...(values.length === 0 ? {} : { values }),
    }));
  return {
    ...(expressions.length === 0 ? {} : { matchExpressions: expressions }),
    ...(pairs.length === 0
      ? {}
      : {
          matchLabels: Object.fromEntries(pairs.map(({ key, values }) => [key, values[0] ?? ''])),
        }),
  };
}

/** `trireme create priorityclass`. */
export const createPriorityClass = defineGenerator({
  name: 'priorityclass',
  aliases: ['pc'],
  summary: 'create a priority class',
  usage: 'NAME --value=N [--global-default] [--preemption-policy=POLICY] [--description=TEXT]',
  examples: [
    [
      'above the rest',
      "trireme create priorityclass high --value=1000 --description='for the shop'",
    ],
  ],
  flags: {
    value: { type: 'int', default: 0, help: 'the higher, the sooner' },
    'global-default': { type: 'bool', default: false, help: 'of pods that name none' },
    'preemption-policy': {
      type: 'text',
      default: 'PreemptLowerPriority',
      value: 'POLICY',
      help: 'PreemptLowerPriority or Never',
    },
    description: { type: 'text', default: '', value: 'TEXT', help: 'what it is for' },
  },
  make: (name, { flags }) =>
    ({
      apiVersion: 'scheduling.k8s.io/v1',
      ...(flags.description === '' ? {} : { description: flags.description }),
      ...(flags['global-default'] ? { globalDefault: true } : {}),
      kind: 'PriorityClass',
      metadata: { name },
      preemptionPolicy: flags['preemption-policy'],
      value: flags.value,
    }) as Made,
});
