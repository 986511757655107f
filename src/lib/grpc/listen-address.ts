import { lstatSync, rmSync } from 'node:fs';

/** The address of a server: a port, or a socket in the file system. */
export type ListenAddress =
  { readonly host: string; readonly port: number } | { readonly path: string };

/** Removes a socket that a killed process left behind. Anything else stays, and is in the way. */
export function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}
