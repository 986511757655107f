/** Objects of texts: YAML or JSON, several documents, lists opened. */
import type { KubeObject } from '../../api/object.js';
import { parseYamlBody } from '../../api/schema/yaml-text.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { SourceText } from './texts.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** The objects of a text, in order. @throws CommandLineError in kubectl's words */
export function parseManifests({ name, text }: SourceText): KubeObject[] {
  return documentsOf(text).flatMap((document) => {
    let value: unknown;
    try {
      ({ value } = parseYamlBody(document));
    } catch (error) {
      const isJson = /^\s*\{/.test(document);
      const what = isJson ? '' : 'error converting YAML to JSON: ';
      throw plain(`error parsing ${name}: ${what}${errorMessage(error)}`);
    }
    return value === null || value === undefined ? [] : openList(name, value);
  });
}

function openList(name: string, value: unknown): KubeObject[] {
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw plain(
      `error validating "${name}": error validating data: invalid object to validate; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  }
  const object = value as KubeObject & { items?: unknown };
  const missing = [
    ...((object.apiVersion ?? '') === '' ? ['apiVersion not set'] : []),
    ...((object.kind ?? '') === '' ? ['kind not set'] : []),
  ];
  if (missing.length > 0) {
    const words = missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`;
    throw plain(
      `error validating "${name}": error validating data: ${words}; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  }
  if (object.kind?.endsWith('List') === true && Array.isArray(object.items)) {
    return object.items.flatMap((item) => openList(name, item));
  }
  object.metadata ??= { name: '' };
  return [object];
}

/** A text's documents: lines that begin with `---` stand between them. JSON objects may follow one another. */
function documentsOf(text: string): string[] {
  const parts = text.split(/^---(?=\s|$).*$/m).filter((part) => part.trim() !== '');
  return parts.flatMap((part) => (/^\s*\{/.test(part) ? jsonDocuments(part) : [part]));
}

/** Cuts a text of JSON objects where one ends and the next begins. */
function jsonDocuments(text: string): string[] {
  const documents: string[] = [];
  let [depth, start, inString] = [0, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') at += 1;
      else if (letter === '"') inString = false;
    } else if (letter === '"') inString = true;
    else if (letter === '{') depth += 1;
    else if (letter === '}') {
      depth -= 1;
      if (depth === 0) {
        documents.push(text.slice(start, at + 1));
        start = at + 1;
      }
    }
  }
  const rest = text.slice(start);
  return rest.trim() === '' ? documents : [...documents, rest];
}
