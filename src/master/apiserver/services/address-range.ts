/** An IPv4 range as numbers: `10.96.0.0/16`. */
export interface AddressRange {
  readonly cidr: string;
  readonly first: number;
  /** Addresses in the range, the network's own and the broadcast address included. */
  readonly size: number;
}

/** The number of a dotted address; undefined for anything else. */
export function addressNumber(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    // One spelling each: an address that is taken must not be free under another one.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/** An IPv4 address in dotted form. @param value its 32 bits */
export function addressText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** @throws Error for what is no IPv4 CIDR of /8 to /30 */
export function parseRange(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/');
  const number = addressNumber(address);
  const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : 0;
  if (number === undefined || prefix < 8 || prefix > 30) {
    throw new Error(`${cidr} is no IPv4 range between /8 and /30`);
  }
  const size = 2 ** (32 - prefix);
  return { cidr, first: Math.floor(number / size) * size, size };
}
