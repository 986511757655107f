/**
 * Reads request bodies: JSON with duplicate keys found, and YAML. `JSON.parse` does the work; a
 * small scanner runs beside it only to name duplicate fields.
 */
import { parseDocument } from 'yaml';
import { DecodeError } from './decode.js';
import { jsonSyntaxError } from './json-syntax.js';

/** A parsed body. */
export interface ParsedBody {
  readonly value: unknown;
  /** Such as `duplicate field "spec.replicas"`. */
  readonly duplicates: readonly string[];
}

/** One open object or array while scanning. */
interface Frame {
  readonly keys: Set<string> | undefined;
  readonly path: string;
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

function childPath(frame: Frame | undefined, key: string | undefined): string {
  if (frame === undefined) return '';
  if (frame.keys === undefined) return `${frame.path}[${frame.index}]`;
  return frame.path === '' ? (key ?? '') : `${frame.path}.${key ?? ''}`;
}

/** Names duplicate keys of valid JSON text. */
export function duplicateFields(text: string): string[] {
  const found: string[] = [];
  const stack: Frame[] = [];
  let key: string | undefined;
  for (let i = 0; i < text.length; i += 1) {
    const frame = stack.at(-1);
    switch (text.charCodeAt(i)) {
      case quoteChar: {
        const end = endOfString(text, i);
        let next = end + 1;
        while (next < text.length && text.charCodeAt(next) <= 0x20) next += 1;
        if (frame?.keys !== undefined && text.charCodeAt(next) === colon) {
          const raw = text.slice(i + 1, end);
          key = raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
          if (frame.keys.has(key)) found.push(childPath(frame, key));
          frame.keys.add(key);
          i = next;
        } else i = end;
        break;
      }
      case openBrace:
        stack.push({ keys: new Set(), path: childPath(frame, key), index: 0 });
        break;
      case openBracket:
        stack.push({ keys: undefined, path: childPath(frame, key), index: 0 });
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
  return found.map((path) => `duplicate field ${JSON.stringify(path)}`);
}

/**
 * Parses a JSON body.
 * @param strict whether duplicates are looked for.
 * @throws DecodeError when the text is not JSON.
 */
export function parseJsonBody(text: string, strict: boolean): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const fault = jsonSyntaxError(text) ?? 'invalid character in JSON text';
    throw new DecodeError(fault, { cause });
  }
  return { value, duplicates: strict ? duplicateFields(text) : [] };
}

/**
 * Parses a YAML body of one document (JSON is YAML too).
 * @throws DecodeError when the text is not YAML.
 */
export function parseYamlBody(text: string): ParsedBody {
  const document = parseDocument(text, { uniqueKeys: false, version: '1.1', merge: true });
  const error = document.errors[0];
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    const where = line === undefined ? '' : `line ${line}: `;
    const brief = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    throw new DecodeError(`error converting YAML to JSON: yaml: ${where}${brief}`);
  }
  return {
    value: document.toJS({ maxAliasCount: 100 }) as unknown,
    duplicates: yamlDuplicates(text),
  };
}

function yamlDuplicates(text: string): string[] {
  const strict = parseDocument(text, { uniqueKeys: true, version: '1.1', merge: true });
  return strict.errors
    .filter((error) => error.code === 'DUPLICATE_KEY')
    .map((error) => {
      const offset = error.pos[0];
      const key = /^["']?([^"':\n]*)/.exec(text.slice(offset))?.[1] ?? '';
      return `line ${error.linePos?.[0].line ?? 0}: key ${JSON.stringify(key)} already set in map`;
    });
}
