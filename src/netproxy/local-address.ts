import type { RunCommand } from './command.js';

/** Gives the node an address of its own on loopback, so that a server can listen at a service's address. */
export async function addLocalAddress(run: RunCommand, address: string): Promise<void> {
  const result = await run('ip', ['addr', 'replace', `${address}/32`, 'dev', 'lo']);
  if (result.code !== 0) throw new Error(`ip addr replace ${address}: ${result.stderr}`);
}

/** Takes it back; absent is as good. */
export async function removeLocalAddress(run: RunCommand, address: string): Promise<void> {
  await run('ip', ['addr', 'del', `${address}/32`, 'dev', 'lo']);
}
