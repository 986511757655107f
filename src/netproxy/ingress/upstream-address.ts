/** Which addresses a backend may have, and how its name is resolved. */
import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { addressFamily, cidrContains, parseCidr } from '../address.js';
import type { Target } from './backends.js';

const ownBlocks = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
].flatMap((text) => parseCidr(text) ?? []);

/**
 * Tells whether a backend may have this address. The node's own loopback, link-local and multicast addresses are
 * nobody's endpoints (as the API says of Endpoints), whatever an ExternalName resolves to.
 */
export function mayBeBackend(address: string): boolean {
  if (addressFamily(address) === 'IPv4') {
    return !ownBlocks.some((block) => cidrContains(block, address));
  }
  const text = address.toLowerCase();
  if (addressFamily(text) !== 'IPv6') return false;
  return !/^(?:::|fe[89ab]|ff)/.test(text);
}

/** Resolves names of backends to addresses that a backend may have. */
const lookupBackend: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const usable = error === null ? found.filter(({ address }) => mayBeBackend(address)) : [];
    const [first] = usable;
    if (error !== null) callback(error, []);
    else if (first === undefined) callback(new Error(`${hostname} is no address of a backend`), []);
    else if (options.all === true) callback(null, usable);
    else callback(null, first.address, first.family);
  });
};

/** Returns the options of a connection to a target; undefined for one that must not be connected to. */
export function connectOptions(
  target: Target,
): { readonly host: string; readonly port: number; readonly lookup?: LookupFunction } | undefined {
  const { host, port } = target;
  if (target.external !== true) return { host, port };
  // An address is not looked up, so it is judged before.
  if (isIP(host) !== 0) return mayBeBackend(host) ? { host, port } : undefined;
  return { host, port, lookup: lookupBackend };
}
