/** `-o`: which printer is meant. */
import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../api/object.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import { displayName } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import { evaluateJsonPath, renderJsonPath } from './jsonpath/evaluate.js';
import { parseColumnsFile, parseCustomColumns, renderCustomColumns } from './custom-columns.js';
import { formatJson } from './json.js';
import { formatYaml } from '../../api/print/yaml.js';

/** The formats that print objects as they are. */
export const formats = [
  'custom-columns',
  'custom-columns-file',
  'go-template',
  'go-template-file',
  'json',
  'jsonpath',
  'jsonpath-as-json',
  'jsonpath-file',
  'name',
  'template',
  'templatefile',
  'wide',
  'yaml',
] as const;

/** The flags of commands that print objects. */
export const outputFlags = {
  output: {
    type: 'text',
    short: 'o',
    value: 'FORMAT',
    help: `one of ${formats.join(', ')}; those with a template take it after =`,
  },
  template: {
    type: 'text',
    value: 'TEXT',
    help: 'the template of go-template, jsonpath and their -file forms',
  },
  'show-managed-fields': {
    type: 'bool',
    help: 'keep metadata.managedFields in JSON and YAML',
  },
} as const satisfies Flags;

/** A value of `-o`, taken apart. */
export interface OutputFormat {
  readonly name: (typeof formats)[number];
  readonly template: string;
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Undefined is the usual table or message. @throws CommandLineError in kubectl's words */
export function parseOutput(
  output: string | undefined,
  template: string | undefined,
  allowed: readonly string[] = formats.filter((format) => format !== 'wide'),
): OutputFormat | undefined {
  if (output === undefined || output === '') {
    return template === undefined ? undefined : { name: 'go-template', template };
  }
  const at = output.indexOf('=');
  const name = at < 0 ? output : output.slice(0, at);
  const found = formats.find((format) => format === name && allowed.includes(name));
  if (found === undefined) {
    throw plain(
      `unable to match a printer suitable for the output format "${output}", allowed formats are: ${allowed.join(',')}`,
    );
  }
  return { name: found, template: at < 0 ? (template ?? '') : output.slice(at + 1) };
}

/** Prints whole objects. `isList` tells a List from an object that was asked for by its name. */
export type ObjectPrinter = (objects: readonly Printable[], isList: boolean) => Promise<string>;

/** An object with its place. */
export interface Printable {
  readonly ref: ObjectRef;
  readonly object: KubeObject;
}

/** The printer of a format other than tables. @throws CommandLineError */
export function objectPrinter(
  format: OutputFormat,
  options: { readonly managedFields: boolean; readonly headers: boolean },
): ObjectPrinter {
  const whole = (objects: readonly Printable[], isList: boolean): unknown => {
    const items = objects.map(({ object }) =>
      options.managedFields ? object : withoutManagedFields(object),
    );
    return isList
      ? { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } }
      : items[0];
  };
  switch (format.name) {
    case 'json':
      return async (objects, isList) => `${formatJson(whole(objects, isList))}\n`;
    case 'yaml':
      return async (objects, isList) => formatYaml(whole(objects, isList));
    case 'name':
      return async (objects) =>
        objects
          .map(({ ref, object }) => `${displayName(ref.resource, object.metadata.name)}\n`)
          .join('');
    case 'custom-columns':
    case 'custom-columns-file': {
      const columns =
        format.name === 'custom-columns'
          ? parseCustomColumns(format.template)
          : parseColumnsFile(templateFile(format));
      return async (objects) =>
        renderCustomColumns(
          columns,
          objects.map(({ object }) => object),
          options.headers,
        );
    }
    case 'wide':
      throw plain('there is no table here for -o wide');
    default:
      return templatePrinter(format, whole);
  }
}

function templatePrinter(
  format: OutputFormat,
  whole: (objects: readonly Printable[], isList: boolean) => unknown,
): ObjectPrinter {
  const isFile = ['jsonpath-file', 'go-template-file', 'templatefile'].includes(format.name);
  const text = isFile ? templateFile(format) : format.template;
  if (text === '') throw plain(`template format specified but no template given`);
  switch (format.name) {
    case 'jsonpath':
    case 'jsonpath-file':
      return async (objects, isList) =>
        explained(text, () => renderJsonPath(text, whole(objects, isList)));
    case 'jsonpath-as-json':
      return async (objects, isList) =>
        explained(text, () => `${formatJson(evaluateJsonPath(text, whole(objects, isList)))}\n`);
    default:
      return async (objects, isList) => {
        const { renderGoTemplate } = await import('./go-template/render.js');
        return explained(text, () => renderGoTemplate(text, whole(objects, isList)));
      };
  }
}

/** Says which template it was. */
function explained(text: string, render: () => string): string {
  try {
    return render();
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'JsonPathError') {
      throw plain(`error parsing jsonpath ${text}, ${message}`);
    }
    if (name === 'JsonPathRunError') {
      throw plain(
        `error executing jsonpath ${JSON.stringify(text)}: Error executing template: ${message}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${text}`,
      );
    }
    if (name === 'GoTemplateError') throw plain(`error parsing template ${text}, ${message}`);
    if (name === 'GoTemplateRunError') {
      throw plain(`error executing template ${JSON.stringify(text)}: template: output: ${message}`);
    }
    throw error;
  }
}

function templateFile({ name, template }: OutputFormat): string {
  if (template === '') throw plain(`template format specified but no template given for ${name}`);
  try {
    return readFileSync(template, 'utf8');
  } catch {
    throw plain(`error reading --template ${template}: no such file or directory`);
  }
}

/** A copy without what says who owns which field. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
