/** The project's source files, as the tests of the house read them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

export const root = process.cwd();
/** Generated code is not held to the rules of the house. */
export const generated = 'src/gen/';

/** A source file, and the files that it names. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
  /** The {@link imports} that remain when the program runs: those of types do not. */
  readonly loads: readonly string[];
}

function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const imports: string[] = [];
  const loads: string[] = [];
  for (const match of text.matchAll(
    /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|new URL\(\s*)['"](\.{1,2}\/[^'"]+\.js)['"]/g,
  )) {
    const written = normalize(join(dirname(path), match[1] ?? '')).replace(/\.js$/, '.ts');
    const target = existsSync(join(root, written)) ? written : `${written}x`;
    imports.push(target);
    const statement = text.slice(text.lastIndexOf('\n\n', match.index) + 1, match.index);
    const start = Math.max(statement.lastIndexOf('import '), statement.lastIndexOf('export '));
    if (!/^(?:import|export) type /.test(statement.slice(start))) loads.push(target);
  }
  return { path, text, imports, loads };
}

/** All source files of the project. */
export const files = ['src', 'test', 'bench']
  .flatMap((top) => listFiles(join(root, top)))
  .map(readSource);
export const byPath = new Map(files.map((file) => [file.path, file]));
export const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.startsWith('test/') || path.startsWith('bench/');
