/**
 * The containerd that tests run: the machine's, or the one whose programs lie in the directory `CONTAINERD_DIR`
 * (containerd, ctr, containerd-shim-runc-v2, runc), which comes first on the path of all that this process starts.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const given = process.env['CONTAINERD_DIR'];
const path = [
  ...(given === undefined ? [] : [resolve(given)]),
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/sbin',
];
process.env['PATH'] = [...new Set(path)].join(delimiter);

function isThere(program: string): boolean {
  return path.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True where tests can run real containers. */
export const canRunContainers =
  process.getuid?.() === 0 &&
  ['containerd', 'ctr', 'containerd-shim-runc-v2', 'runc'].every((program) => isThere(program));
