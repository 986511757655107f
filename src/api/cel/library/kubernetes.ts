/** Kubernetes' libraries `lists`, `regex`, `urls` and `format`. */
import {
  dns1035Label,
  dnsLabel,
  dnsSubdomain,
  labelValueErrors,
  qualifiedNameErrors,
} from '../../validation/names.js';
import { CelError, noSuchOverload } from '../errors.js';
import type { Library, Overloads, Run } from '../functions.js';
import { findText } from '../regex.js';
import { parseTimestamp } from '../time.js';
import type { Value } from '../value.js';
import {
  ArrayList,
  compare,
  Duration,
  EntryMap,
  equal,
  OpaqueValue,
  OptionalValue,
  Uint,
} from '../value.js';
import { duration, double, instance, int, list, text, uint } from './arguments.js';
import { checkedInt, checkedUint } from './standard.js';
import { parseUrl } from './url.js';
import type { ParsedUrl } from './url.js';

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

function each(
  types: readonly string[],
  id: (type: string) => string,
  signature: (type: string) => string,
  run: Run,
): Overloads {
  return Object.fromEntries(types.map((type) => [id(type), [signature(type), run]] as const));
}

const isSorted: Run = (args) => {
  let previous: Value | undefined;
  for (const item of list(args, 0)) {
    if (previous !== undefined) {
      const order = compare(previous, item);
      if (order === undefined) throw noSuchOverload();
      if (order > 0) return false;
    }
    previous = item;
  }
  return true;
};

function best(name: string, wanted: 1 | -1): Run {
  return (args) => {
    let result: Value | undefined;
    for (const item of list(args, 0)) {
      if (result === undefined) result = item;
      else {
        const order = compare(result, item);
        if (order === undefined) throw noSuchOverload();
        if (Math.sign(order) === wanted) result = item;
      }
    }
    if (result === undefined) throw new CelError(`${name} called on empty list`);
    return result;
  };
}

const sums: Overloads = {
  list_int_sum_int: [
    'list(int).() int',
    (args) => {
      let sum = 0n;
      for (const item of list(args, 0)) sum = checkedInt(sum + int([item], 0));
      return sum;
    },
  ],
  list_uint_sum_uint: [
    'list(uint).() uint',
    (args) => {
      let sum = 0n;
      for (const item of list(args, 0)) sum = checkedUint(sum + uint([item], 0)).value;
      return new Uint(sum);
    },
  ],
  list_double_sum_double: [
    'list(double).() double',
    (args) => {
      let sum = 0;
      for (const item of list(args, 0)) sum += double([item], 0);
      return sum;
    },
  ],
  list_duration_sum_duration: [
    'list(duration).() duration',
    (args) => {
      let sum = 0n;
      for (const item of list(args, 0)) sum = checkedInt(sum + duration([item], 0));
      return new Duration(sum);
    },
  ],
};

const indexOf: Run = (args, work) => {
  const items = list(args, 0);
  for (let index = 0; index < items.length; index += 1) {
    if (equal(items.at(index), args[1] ?? null, work)) return BigInt(index);
  }
  return -1n;
};

const lastIndexOf: Run = (args, work) => {
  const items = list(args, 0);
  for (let index = items.length - 1; index >= 0; index -= 1) {
    if (equal(items.at(index), args[1] ?? null, work)) return BigInt(index);
  }
  return -1n;
};

/** Lists. */
export const lists: Library = {
  isSorted: each(
    comparable,
    (type) => `list_${type}_is_sorted_bool`,
    (type) => `list(${type}).() bool`,
    isSorted,
  ),
  sum: sums,
  max: each(
    comparable,
    (type) => `list_${type}_max_${type}`,
    (type) => `list(${type}).() ${type}`,
    best('max', -1),
  ),
  min: each(
    comparable,
    (type) => `list_${type}_min_${type}`,
    (type) => `list(${type}).() ${type}`,
    best('min', 1),
  ),
  indexOf: { list_a_index_of_int: ['list(A).(A) int', indexOf] },
  lastIndexOf: { list_a_last_index_of_int: ['list(A).(A) int', lastIndexOf] },
};

const findAll: Run = (args, work) => {
  const limit = args.length > 2 ? Number(int(args, 2)) : -1;
  const most = limit < 0 ? Number.POSITIVE_INFINITY : limit;
  return new ArrayList(findText(text(args, 1), text(args, 0), most, work));
};

/** Patterns. */
export const patterns: Library = {
  find: {
    string_find_string: [
      'string.(string) string',
      (args, work) => findText(text(args, 1), text(args, 0), 1, work)[0] ?? '',
    ],
  },
  findAll: {
    string_find_all_string: ['string.(string) list(string)', findAll],
    string_find_all_string_int: ['string.(string, int) list(string)', findAll],
  },
};

class UrlValue extends OpaqueValue {
  readonly typeName = 'kubernetes.URL';
  readonly url: ParsedUrl;
  constructor(url: ParsedUrl) {
    super();
    this.url = url;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && other.url.source === this.url.source;
  }
}

function readUrl(source: string): UrlValue {
  const url = parseUrl(source);
  if (url instanceof Error) {
    throw new CelError(`URL parse error during conversion from string: ${url.message}`);
  }
  return new UrlValue(url);
}

function urlPart(id: string, read: (url: ParsedUrl) => string): Overloads {
  return { [id]: ['kubernetes.URL.() string', (args) => read(instance(args, 0, UrlValue).url)] };
}

function query({ query: pairs }: ParsedUrl): EntryMap {
  const map = new EntryMap();
  for (const [name, values] of pairs) map.add(name, new ArrayList([...values]));
  return map;
}

/** URLs. */
export const urls: Library = {
  url: { string_to_url: ['(string) kubernetes.URL', (args) => readUrl(text(args, 0))] },
  isURL: {
    is_url_string: ['(string) bool', (args) => !(parseUrl(text(args, 0)) instanceof Error)],
  },
  getScheme: urlPart('url_get_scheme', ({ scheme }) => scheme),
  getHost: urlPart('url_get_host', ({ host }) => host),
  getHostname: urlPart('url_get_hostname', ({ hostname }) => hostname),
  getPort: urlPart('url_get_port', ({ port }) => port),
  getEscapedPath: urlPart('url_get_escaped_path', ({ escapedPath }) => escapedPath),
  getQuery: {
    url_get_query: [
      'kubernetes.URL.() map(string, list(string))',
      (args) => query(instance(args, 0, UrlValue).url),
    ],
  },
};

class FormatValue extends OpaqueValue {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly check: (value: string) => string[];
  readonly patternSize: number;
  constructor(name: string, check: (value: string) => string[], patternSize: number) {
    super();
    this.name = name;
    this.check = check;
    this.patternSize = patternSize;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
  override size(): number {
    return this.patternSize;
  }
}

/** The check of a name that more may be put after: a dash at the end is fine. */
function asPrefix(check: (value: string) => string[]): (value: string) => string[] {
  return (value) => check(value.endsWith('-') ? `${value.slice(0, -1)}a` : value);
}

function matching(pattern: RegExp, problem: string): (value: string) => string[] {
  return (value) => (pattern.test(value) ? [] : [problem]);
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

const formats: Readonly<Record<string, FormatValue>> = Object.fromEntries(
  (
    [
      ['dns1123Label', dnsLabel, 30],
      ['dns1123Subdomain', dnsSubdomain, 60],
      ['dns1035Label', dns1035Label, 30],
      ['qualifiedName', qualifiedNameErrors, 60],
      ['dns1123LabelPrefix', asPrefix(dnsLabel), 30],
      ['dns1123SubdomainPrefix', asPrefix(dnsSubdomain), 60],
      ['dns1035LabelPrefix', asPrefix(dns1035Label), 30],
      ['labelValue', labelValueErrors, 40],
      [
        'uri',
        (value: string) => {
          const url = parseUrl(value);
          return url instanceof Error ? [url.message] : [];
        },
        1_000,
      ],
      ['uuid', matching(uuid, 'does not match the UUID format'), 80],
      ['byte', matching(base64, 'invalid base64'), 90],
      [
        'date',
        (value: string) =>
          parseTimestamp(`${value}T00:00:00Z`) === undefined ? ['invalid date'] : [],
        80,
      ],
      [
        'datetime',
        (value: string) => (parseTimestamp(value) === undefined ? ['invalid datetime'] : []),
        80,
      ],
    ] as const
  ).map(([name, check, size]) => [name, new FormatValue(name, check, size)]),
);

function validate(args: readonly Value[]): OptionalValue {
  const problems = instance(args, 0, FormatValue).check(text(args, 1));
  return problems.length === 0 ? OptionalValue.none : new OptionalValue(new ArrayList(problems));
}

/** Named formats. */
export const namedFormats: Library = {
  ...Object.fromEntries(
    Object.entries(formats).map(([name, format]) => [
      `format.${name}`,
      { [`format.${name}`]: ['() kubernetes.NamedFormat', () => format] } satisfies Overloads,
    ]),
  ),
  'format.named': {
    'format-named': [
      '(string) optional(kubernetes.NamedFormat)',
      (args) => {
        const name = text(args, 0);
        const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
        return format === undefined ? OptionalValue.none : new OptionalValue(format);
      },
    ],
  },
  validate: {
    'format-validate': ['kubernetes.NamedFormat.(string) optional(list(string))', validate],
  },
};
