/** `create namespace`, `quota`, `poddisruptionbudget`, `priorityclass`. */
import { parseLabelSelector } from '../../api/facts/selector-text.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGenerator, pairsOf } from './generator.js';
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
        ...(flags.hard.length === 0 ? {} : { hard: pairsOf(flags.hard, 'hard') }),
        ...(flags.scopes.length === 0 ? {} : { scopes: flags.scopes }),
      },
      status: {},
    }) as Made,
});

const amount = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

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
        ...(max === undefined ? {} : { maxUnavailable: amount(max) }),
        ...(min === undefined ? {} : { minAvailable: amount(min) }),
        selector: selectorOf(selector),
      },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    } as Made;
  },
});

/** The text of a selector as the API's LabelSelector. @throws SelectorError */
export function selectorOf(text: string): object {
  const requirements = parseLabelSelector(text);
  const pairs = requirements.filter(({ operator }) => operator === '=');
  const names: Readonly<Record<string, string>> = {
    in: 'In',
    notin: 'NotIn',
    '!=': 'NotIn',
    exists: 'Exists',
    '!': 'DoesNotExist',
  };
  const expressions = requirements
    .filter(({ operator }) => operator !== '=')
    .map(({ key, operator, values }) => ({
      key,
      operator: names[operator] ?? operator,
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
