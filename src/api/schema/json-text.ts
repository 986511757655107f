/**
 * JSON request bodies, with the duplicate keys named. `JSON.parse` does the work; a small scanner runs beside it to
 * name duplicate fields and to bound the nesting.
 */
import { DecodeError, maxProblems } from './decode.js';
import { jsonSyntaxError } from '../../lib/go-json-syntax.js';
import { parseJson } from '../../lib/json.js';

/** A parsed body. */
export interface ParsedBody {
  readonly value: unknown;
  /** Such as `duplicate field "spec.replicas"`. */
  readonly duplicates: readonly string[];
  /** The JSON text in which duplicates stand, for the order of what is wrong in it. */
  readonly text?: string;
}

/**
 * Deepest nesting of a body. Go stops at 10,000; what walks the values after us (decoding, patches, field sets,
 * `JSON.stringify`) recurses on a stack that holds fewer. No object of use comes near.
 */
export const maxDepth = 1_000;

/** One open object or array while scanning. */
interface Frame {
  readonly keys: Set<string> | undefined;
  /** The place of the object or array itself. */
  readonly prefix: () => string;
  /** The key of the value that is being read. */
  key: string;
  index: number;
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const quoteChar = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === backslash) i += 2;
    else if (code === quoteChar) return i;
    else i += 1;
  }
  return i;
}

/** Returns the place of what a frame reads at present, such as `spec.containers[0].name`. */
function pathOf({ keys, prefix, key, index }: Frame): string {
  const path = prefix();
  if (keys === undefined) return `${path}[${index}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** A frame below another. Its place is asked for only where something is reported, and found once. */
function frameBelow(parent: Frame | undefined, keys: Set<string> | undefined): Frame {
  let place: string | undefined;
  const prefix = (): string => (place ??= parent === undefined ? '' : pathOf(parent));
  return { keys, prefix, key: '', index: 0 };
}

/** Takes a key of the text, with its place and whether its object had it before. False ends the scan. */
type KeyVisitor = (path: () => string, repeated: boolean) => boolean;

/**
 * Visits the keys of valid JSON text in the order of the text.
 * @throws DecodeError when the text is nested deeper than {@link maxDepth}
 */
function visitKeys(text: string, visit: KeyVisitor): void {
  const stack: Frame[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const frame = stack.at(-1);
    switch (text.charCodeAt(i)) {
      case quoteChar: {
        const end = endOfString(text, i);
        let next = end + 1;
        while (next < text.length && text.charCodeAt(next) <= 0x20) next += 1;
        if (frame?.keys !== undefined && text.charCodeAt(next) === colon) {
          const raw = text.slice(i + 1, end);
          frame.key = raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
          if (!visit(() => pathOf(frame), frame.keys.has(frame.key))) return;
          frame.keys.add(frame.key);
          i = next;
        } else i = end;
        break;
      }
      case openBrace:
      case openBracket:
        stack.push(frameBelow(frame, text.charCodeAt(i) === openBrace ? new Set() : undefined));
        if (stack.length > maxDepth) throw tooDeep();
        break;
      case closeBrace:
      case closeBracket:
        stack.pop();
        break;
      case comma:
        if (frame !== undefined) frame.index += 1;
        break;
      default:
    }
  }
}

/**
 * Names duplicate keys of valid JSON text, up to {@link maxProblems}.
 * @throws DecodeError when the text is nested deeper than {@link maxDepth}
 */
function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  visitKeys(text, (path, repeated) => {
    if (repeated && found.size < maxProblems) found.add(path());
    return true;
  });
  return [...found].map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/**
 * Puts the duplicate and the unknown fields of a typed object in the order in which a decoder meets them, which reads
 * nothing below an unknown field and does not count it (kubernetes-sigs/json, `object` in decode.go).
 */
export function inTextOrder(
  text: string,
  duplicates: readonly string[],
  unknown: readonly string[],
): string[] {
  const unread = new Map(unknown.map((problem) => [placeOf(problem), problem]));
  const isRead = (path: string): boolean =>
    ![...unread.keys()].some(
      (top) => path === top || (/^[.[]/.test(path.slice(top.length)) && path.startsWith(top)),
    );
  const repeats = new Map(
    duplicates
      .map((problem) => [placeOf(problem), problem] as const)
      .filter(([path]) => isRead(path)),
  );
  const ordered: string[] = [];
  visitKeys(text, (path, repeated) => {
    const left = repeated ? repeats : unread;
    const problem = left.get(path());
    if (problem !== undefined) ordered.push(problem);
    left.delete(path());
    return repeats.size + unread.size > 0;
  });
  return ordered.slice(0, maxProblems);
}

/** The place that a problem quotes last. */
function placeOf(problem: string): string {
  return String(JSON.parse(problem.slice(problem.indexOf('"'))));
}

function tooDeep(): DecodeError {
  return new DecodeError('exceeded max depth');
}

/** Refuses text that opens more objects and arrays within each other than {@link maxDepth}. */
function checkDepth(text: string): void {
  // Text of that depth opens and closes each of them.
  if (text.length <= 2 * maxDepth) return;
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case quoteChar:
        i = endOfString(text, i);
        break;
      case openBrace:
      case openBracket:
        depth += 1;
        if (depth > maxDepth) throw tooDeep();
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
        break;
      default:
    }
  }
}

/**
 * Parses a JSON body.
 * @param strict whether duplicates are looked for.
 * @throws DecodeError when the text is not JSON, or nested deeper than {@link maxDepth}.
 */
export function parseJsonBody(text: string, strict: boolean): ParsedBody {
  // Before it is read: text that nests a million times costs a second there.
  checkDepth(text);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    const fault = jsonSyntaxError(text) ?? 'invalid character in JSON text';
    throw new DecodeError(fault, { cause });
  }
  const duplicates = strict ? duplicateFields(text) : [];
  return { value, duplicates, ...(duplicates.length === 0 ? {} : { text }) };
}
