/**
 * Golden files: sections of YAML, `----`, and what the subject makes of it; an empty line ends the output, comments
 * stand in front.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The golden files of a directory, without their suffix. */
export function goldenNames(directory: string): string[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.txt'));
  return files.map((name) => name.slice(0, -'.txt'.length)).sort();
}

/** Runs each section of a file, in order. @returns the file as it should read */
export async function runGolden(
  text: string,
  run: (input: unknown) => string | Promise<string>,
): Promise<string> {
  const out: string[] = [];
  let input: string[] = [];
  let inOutput = false;
  for (const line of text.split('\n')) {
    if (line === '----') {
      const output = (await run(parse(input.join('\n')) as unknown)).trimEnd();
      out.push(...input, '----', output === '' ? '(nothing)' : output);
      input = [];
      inOutput = true;
    } else if (line === '') {
      inOutput = false;
      out.push(...input, '');
      input = [];
    } else if (!inOutput) input.push(line);
  }
  return out.join('\n');
}

/** Compares a file with what its sections make now. `UPDATE=1` writes it anew. @returns the pair to be compared */
export async function compareGolden(
  directory: string,
  name: string,
  run: (input: unknown) => string | Promise<string>,
): Promise<{ readonly found: string; readonly wanted: string }> {
  const path = join(directory, `${name}.txt`);
  const found = await runGolden(readFileSync(path, 'utf8'), run);
  if (process.env['UPDATE'] === '1') writeFileSync(path, found);
  return { found, wanted: readFileSync(path, 'utf8') };
}
