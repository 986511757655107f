/**
 * YAML request bodies: one document to JSON data, with the duplicate keys named. The words of YAML mean what go-yaml
 * v2 makes of them, which is what Kubernetes reads with (`yes` is true, `0x10` is 16, `1:30` and dates stay text).
 *
 * The cost is bounded for every text: nesting, nodes, merged keys and what aliases grow to have limits. A JSON text
 * takes the short way, since clients that send `application/apply-patch+yaml` send JSON in it.
 */
import type { Event } from 'js-yaml';
import {
  constructFromEvents,
  defineScalarTag,
  EVENT_ID,
  FAILSAFE_SCHEMA,
  getScalarValue,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  YAMLException,
} from 'js-yaml';
import { DecodeError, maxProblems } from './decode.js';
import type { ParsedBody } from './json-text.js';
import { maxDepth, parseJsonBody } from './json-text.js';
import { integerOf } from '../../lib/json.js';

/** Most nodes (scalars, lists, maps, aliases) in one text: an object of etcd's largest size has far fewer. */
export const maxYamlNodes = 200_000;
/** Most nodes after every alias has been replaced by what it stands for. */
export const maxExpandedNodes = 400_000;
/** Most keys that `<<` may bring in. */
const maxMergedKeys = 10_000;

const words: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True', 'TRUE'].map(
    (word) => [word, true] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'].map(
    (word) => [word, false] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);
const integer = /^[-+]?(?:0b[01]+|0o?[0-7]+|0x[\da-fA-F]+|0|[1-9]\d*)$/;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
/** Numbers that JSON has no words for, as Go prints them. */
const notJson: ReadonlyMap<string, string> = new Map([
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, 'NaN'] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, '+Inf'] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, '-Inf'] as const),
]);
/** Whole numbers that are longer in another base than ten stay text, as they overflow Go's 64 bits. */
const maxUint64 = 2n ** 64n;
/** Digits of a whole number, its prefix included, beyond which it has overflown in any base. */
const maxIntegerLength = 70;

/** The text of a number without the `_` that may stand between its digits. */
function plainNumber(source: string): string {
  return source.startsWith('_') ? source : source.replaceAll('_', '');
}

function wordTag(name: string, type: 'boolean' | 'object') {
  return defineScalarTag(`tag:yaml.org,2002:${name}`, {
    implicit: true,
    identify: () => false,
    resolve(source) {
      const value = words.get(source);
      return value !== undefined && typeof value === type ? value : NOT_RESOLVED;
    },
  });
}

/** Whole numbers with Go's prefixes; `_` may stand between digits. */
const intTag = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  identify: () => false,
  resolve(source) {
    const plain = plainNumber(source);
    if (!integer.test(plain)) return NOT_RESOLVED;
    const sign = plain.startsWith('-') ? -1n : 1n;
    const digits = plain.replace(/^[-+]/, '');
    if (digits.length > maxIntegerLength) return NOT_RESOLVED;
    const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
    if (value >= maxUint64) return NOT_RESOLVED;
    // -0 is 0, as an integer has no other.
    return integerOf(String(sign * value));
  },
});

const floatTag = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  identify: () => false,
  resolve(source) {
    const unsaid = notJson.get(source);
    if (unsaid !== undefined) throw new DecodeError(`json: unsupported value: ${unsaid}`);
    const plain = plainNumber(source);
    const value = float.test(plain) ? Number(plain) : Infinity;
    return Number.isFinite(value) ? value : NOT_RESOLVED;
  },
});

const binaryTag = defineScalarTag('tag:yaml.org,2002:binary', {
  identify: () => false,
  resolve: (source) => Buffer.from(source, 'base64').toString(),
});

/** A tag of the sender's own says nothing to us: the text stays. */
const ownTag = defineScalarTag('!', {
  matchByTagPrefix: true,
  identify: () => false,
  resolve: (source) => source,
});

const schema = FAILSAFE_SCHEMA.withTags(
  wordTag('null', 'object'),
  wordTag('bool', 'boolean'),
  intTag,
  floatTag,
  binaryTag,
  ownTag,
  mergeTag,
);

/** libyaml's words for the faults that clients meet most; others keep the parser's. */
const libyamlWords: Readonly<Record<string, string>> = {
  'unexpected end of the stream within a double quoted scalar': 'found unexpected end of stream',
  'unexpected end of the stream within a single quoted scalar': 'found unexpected end of stream',
  'unexpected end of the stream within a flow collection': 'found unexpected end of stream',
};

function refusal(error: YAMLException): DecodeError {
  const { reason } = error;
  const line = error.mark?.line ?? 0;
  const where = line === 0 ? '' : `line ${line + 1}: `;
  return new DecodeError(`yaml: ${where}${libyamlWords[reason] ?? reason}`, { cause: error });
}

/**
 * Reads the first document of a YAML text.
 * @throws DecodeError with a text that begins with `yaml: ` when it is not YAML, or costs too much.
 */
export function parseYamlBody(text: string): ParsedBody {
  const json = asJson(text);
  if (json !== undefined) return json;
  try {
    const events = parseEvents(text, { maxDepth });
    if (events.length > maxYamlNodes) throw new DecodeError('yaml: document has too many nodes');
    const [value] = constructFromEvents(events, {
      source: text,
      schema,
      json: true,
      maxTotalMergeKeys: maxMergedKeys,
    });
    const hasAliases = events.some((event) => event.type === EVENT_ID.ALIAS);
    return {
      value: hasAliases ? expanded(value, { left: maxExpandedNodes }, 0) : value,
      duplicates: duplicateKeys(text, events),
    };
  } catch (error) {
    if (error instanceof YAMLException) throw refusal(error);
    throw error;
  }
}

/** The body if it is JSON without duplicate keys, which YAML names in its own way. */
function asJson(text: string): ParsedBody | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    const body = parseJsonBody(text, true);
    return body.duplicates.length === 0 ? body : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** A copy in which nothing is shared. @throws DecodeError when that would be too large */
function expanded(value: unknown, budget: { left: number }, depth: number): unknown {
  if (depth > maxDepth) throw new DecodeError('yaml: document is nested too deeply');
  budget.left -= 1;
  if (budget.left < 0) throw new DecodeError('yaml: document contains excessive aliasing');
  if (Array.isArray(value)) return value.map((item) => expanded(item, budget, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, expanded(item, budget, depth + 1)]),
  );
}

/** One open map or list of the event stream. */
interface Frame {
  /** Keys so far; undefined for lists. */
  readonly keys: Set<string> | undefined;
  /** In a map: the next node is a key. */
  expectsKey: boolean;
}

/** Names keys that stand twice in one map: `line 7: key "a" already set in map`. */
function duplicateKeys(text: string, events: readonly Event[]): string[] {
  const found: string[] = [];
  const lines = lineCounter(text);
  const stack: Frame[] = [];
  for (const event of events) {
    if (found.length >= maxProblems) break;
    if (event.type === EVENT_ID.POP) {
      stack.pop();
      continue;
    }
    const frame = stack.at(-1);
    if (frame?.keys !== undefined) {
      if (frame.expectsKey && event.type === EVENT_ID.SCALAR) {
        const key = getScalarValue(text, event);
        if (frame.keys.has(key)) {
          const line = lines(event.valueStart);
          found.push(`line ${line}: key ${JSON.stringify(key)} already set in map`);
        }
        if (key !== '<<') frame.keys.add(key);
      }
      frame.expectsKey = !frame.expectsKey;
    }
    if (event.type === EVENT_ID.MAPPING) stack.push({ keys: new Set(), expectsKey: true });
    else if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.DOCUMENT) {
      stack.push({ keys: undefined, expectsKey: false });
    }
  }
  return found;
}

/** Turns offsets, asked for in rising order, into line numbers from 1; the text is passed over once. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (; at < offset; at += 1) if (text.charCodeAt(at) === 0x0a) line += 1;
    return line;
  };
}
