import { networkInterfaces } from 'node:os';

/** The first IPv4 address of this machine that others can reach; the loopback's where there is none. */
export function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const entry of addresses ?? []) {
      if (entry.family === 'IPv4' && !entry.internal) return entry.address;
    }
  }
  return '127.0.0.1';
}
