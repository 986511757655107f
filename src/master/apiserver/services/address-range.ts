/** An IPv4 range as numbers: `10.96.0.0/16`. */
export interface AddressRange {
  /** The range in its canonical form. */
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

/** An IPv4 range of any length; undefined for anything else. */
export function rangeOf(cidr: string): AddressRange | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const number = addressNumber(address);
  if (number === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(number / size) * size;
  return { cidr: `${addressText(first)}/${Number(bits)}`, first, size };
}

/** The range of the server's flag. @throws Error for what is no IPv4 CIDR of /8 to /30 */
export function parseRange(cidr: string): AddressRange {
  const range = rangeOf(cidr);
  if (range === undefined || range.size < 4 || range.size > 2 ** 24) {
    throw new Error(`${cidr} is no IPv4 range between /8 and /30`);
  }
  return range;
}

/** True for an address that a service may have: neither the network's own nor the broadcast address. */
export function isUsable({ first, size }: AddressRange, address: number): boolean {
  return address > first && address < first + size - 1;
}
