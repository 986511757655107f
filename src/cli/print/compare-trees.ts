import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../api/object.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { ObjectRef } from '../kube/resource.js';
import { formatYaml } from '../../api/print/yaml.js';

/** What `diff` ends with when it failed: 0 nothing differs, 1 something does. */
export const comparisonFailed = 2;

/** Two directories of objects as YAML, which a program compares. */
export class CompareTrees {
  readonly #directory = mkdtempSync(join(tmpdir(), 'trireme-diff-'));
  readonly #before: string;
  readonly #after: string;

  /** @param names of the two directories, which the output shows */
  constructor(names: { readonly before: string; readonly after: string }) {
    this.#before = join(this.#directory, names.before);
    this.#after = join(this.#directory, names.after);
    for (const path of [this.#before, this.#after]) mkdirSync(path);
  }

  /** Adds both sides of an object; undefined: it is not there. */
  add(ref: ObjectRef, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const name = fileName(ref);
    if (before !== undefined) writeFileSync(join(this.#before, name), formatYaml(before));
    if (after !== undefined) writeFileSync(join(this.#after, name), formatYaml(after));
  }

  /** Runs `$KUBECTL_EXTERNAL_DIFF`, else `diff -u -N`. @returns its exit code */
  compare(out: (text: string) => void, err: (text: string) => void): number {
    const [program = 'diff', ...args] = (
      process.env['KUBECTL_EXTERNAL_DIFF'] ?? 'diff -u -N'
    ).split(' ');
    const run = spawnSync(program, [...args, this.#before, this.#after], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (run.error !== undefined)
      throw new CommandLineError(`failed to run "${program}": ${run.error.message}`, {
        plain: true,
      });
    out(run.stdout);
    err(run.stderr);
    return run.status ?? comparisonFailed;
  }

  /** Removes the directories. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function fileName({ resource, namespace, name }: ObjectRef): string {
  const { group, version, kind } = resource;
  return [group, version, kind, namespace ?? '', name].filter((part) => part !== '').join('.');
}
