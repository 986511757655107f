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
}

/**
 * Deepest nesting of a body. Go stops at 10,000; what walks the values after us (decoding, patches, field sets,
 * `JSON.stringify`) recurses on a stack that holds fewer. No object of use comes near.
 */
export const maxDepth = 1_000;

/** One open object or array while scanning. */
interface Frame {
  readonly keys: Set<string> | undefined;
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

/** Returns the scanner's place, such as `spec.containers[0].name`; called only for errors that are reported. */
function pathOf(stack: readonly Frame[]): string {
  return stack.reduce((path, { keys, key, index }) => {
    if (keys === undefined) return `${path}[${index}]`;
    return path === '' ? key : `${path}.${key}`;
  }, '');
}

/**
 * Names duplicate keys of valid JSON text, up to {@link maxProblems}.
 * @throws DecodeError when the text is nested deeper than {@link maxDepth}
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>();
  const stack: Frame[] = [];
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case quoteChar: {
        const end = endOfString(text, i);
        let next = end + 1;
        while (next < text.length && text.charCodeAt(next) <= 0x20) next += 1;
        const frame = stack.at(-1);
        if (frame?.keys !== undefined && text.charCodeAt(next) === colon) {
          const raw = text.slice(i + 1, end);
          frame.key = raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
          if (frame.keys.has(frame.key) && found.size < maxProblems) found.add(pathOf(stack));
          frame.keys.add(frame.key);
          i = next;
        } else i = end;
        break;
      }
      case openBrace:
        stack.push({ keys: new Set(), key: '', index: 0 });
        if (stack.length > maxDepth) throw tooDeep();
        break;
      case openBracket:
        stack.push({ keys: undefined, key: '', index: 0 });
        if (stack.length > maxDepth) throw tooDeep();
        break;
      case closeBrace:
      case closeBracket:
        stack.pop();
        break;
      case comma: {
        const frame = stack.at(-1);
        if (frame !== undefined) frame.index += 1;
        break;
      }
      default:
    }
  }
  return [...found].map((path) => `duplicate field ${JSON.stringify(path)}`);
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
  return { value, duplicates: strict ? duplicateFields(text) : [] };
}
