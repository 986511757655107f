/**
 * The step of scripts/gen-proto after ts-proto: 64-bit fields that are numbers (`[jstype = JS_NUMBER]`) go through src/lib/wire-int64.ts.
 * ts-proto has no option for that: it reads them by way of BigInt and text, refuses what is beyond the safe integers, and hands optional
 * ones and those of a oneof to a writer that takes BigInt only. The program is changed as a syntax tree, and what is not understood is
 * an error.
 *
 *   node scripts/lib/number-fields.mjs DIR FILE...      rewrites files below DIR
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from '@babel/parser';

const readers = { int64: 'readInt64', uint64: 'readUint64' };
const helpers = ['readInt64', 'readUint64', 'writeInt64'];

/** @param {string} source of a generated module @param {string} helperPath as an import names it @returns {string} */
export function numberFields(source, helperPath) {
  const program = parse(source, { sourceType: 'module', plugins: ['typescript'] }).program;
  const text = ({ start, end }) => source.slice(start, end);
  const edits = [];
  const replace = (from, to, by) => edits.push({ from, to, by });
  visit(program, undefined, (node, parent) => {
    if (isCall(node, 'longToNumber')) replace(node.start, node.end, readOf(node, text));
    if (node.type === 'FunctionDeclaration' && node.id.name === 'longToNumber') {
      replace(node.start - 1, node.end + 1, '');
    }
    for (const [guard, write] of pairs(node)) {
      const value = numberWritten(write, parent, text);
      if (value === undefined) continue;
      const writer = text(write.expression.callee.object);
      replace(guard.start, write.end, `writeInt64(${writer}, ${value});`);
    }
  });
  const changed = applied(source, edits);
  if (/longToNumber|BigInt\(message/.test(changed)) {
    throw new Error('ts-proto writes numbers in a way that this step does not know');
  }
  return edits.length === 0 ? changed : withImport(changed, helperPath);
}

/** Calls `see` for every node with the statement around its block. */
function visit(node, parent, see) {
  see(node, parent);
  for (const [name, child] of Object.entries(node)) {
    if (name === 'loc' || name.endsWith('Comments')) continue;
    for (const one of Array.isArray(child) ? child : [child]) {
      if (typeof one?.type === 'string') visit(one, node, see);
    }
  }
}

function isCall(node, name) {
  return node.type === 'CallExpression' && node.callee.name === name;
}

/** `longToNumber(reader.int64())` */
function readOf(node, text) {
  const { callee } = node.arguments[0];
  const reader = readers[callee?.property?.name];
  if (reader === undefined) throw new Error(`not understood: ${text(node)}`);
  return `${reader}(${text(callee.object)})`;
}

/** Statements that follow each other in a block: a check that a value has 64 bits, and its writing. */
function pairs(node) {
  const statements =
    node.type === 'BlockStatement' ? node.body : node.type === 'SwitchCase' ? node.consequent : [];
  return statements.flatMap((statement, at) => {
    const next = statements[at + 1];
    return isGuard(statement) && isWrite(next) ? [[statement, next]] : [];
  });
}

/** `if (BigInt.asIntN(64, …) !== …) throw …` */
function isGuard({ type, test }) {
  const callee = type === 'IfStatement' ? test.left?.callee : undefined;
  return callee?.object?.name === 'BigInt' && /^as(?:Ui|I)ntN$/.test(callee.property.name);
}

/** `writer.uint32(8).int64(…);` */
function isWrite(statement) {
  const callee =
    statement?.type === 'ExpressionStatement' ? statement.expression.callee : undefined;
  return callee?.property?.name in readers;
}

/** What is written, where it may be a number: as BigInt, optional, or one of several. Undefined for a field that is a bigint. */
function numberWritten(write, parent, text) {
  const [value] = write.expression.arguments;
  if (isCall(value, 'BigInt')) return text(value.arguments[0]);
  const isOneof = value.property?.name === 'value' && value.object.type === 'MemberExpression';
  const isOptional =
    parent?.type === 'IfStatement' && text(parent.test) === `${text(value)} !== undefined`;
  return isOneof || isOptional ? text(value) : undefined;
}

function applied(source, edits) {
  let result = '';
  let at = 0;
  for (const { from, to, by } of edits.toSorted((a, b) => a.from - b.from)) {
    if (from < at) throw new Error('two changes of one place');
    result += source.slice(at, from) + by;
    at = to;
  }
  return result + source.slice(at);
}

/** Behind the import of the wire format. */
function withImport(source, helperPath) {
  const line = /^import \{ BinaryReader, BinaryWriter \} from .*\n/m.exec(source);
  if (line === null) throw new Error('ts-proto imports its reader and writer in another way');
  const end = line.index + line[0].length;
  const names = helpers.join(', ');
  return `${source.slice(0, end)}import { ${names} } from "${helperPath}";\n${source.slice(end)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [top = '.', ...files] = process.argv.slice(2);
  for (const file of files) {
    const up = '../'.repeat(relative(top, dirname(file)).split('/').filter(Boolean).length + 1);
    const generated = numberFields(readFileSync(file, 'utf8'), `${up}lib/wire-int64.js`);
    writeFileSync(file, `// @ts-nocheck -- generated; checked by its users\n${generated}`);
  }
}
