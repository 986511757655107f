import { scrypt, timingSafeEqual } from 'node:crypto';

/** Etcd's `--bcrypt-cost`: about 60 ms of one core, on libuv's threads. */
export const bcryptCostDefault = 10;
/** The costs that bcrypt accepts. */
export const bcryptCostBounds = { min: 4, max: 31 } as const;

/** What bcrypt reads of a password, in bytes: a longer one is refused. */
export const maxPasswordBytes = 72;

const scryptFormat = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;

/**
 * Hashes a password with a fresh salt, as etcd does, so that users move in and out with snapshots. Done before the
 * request is proposed, once.
 * @param password at most {@link maxPasswordBytes} long: bcrypt would take no account of the rest
 */
export async function hashPassword(password: string, cost = bcryptCostDefault): Promise<string> {
  const { default: bcrypt } = await import('bcrypt');
  const hashed = await bcrypt.hash(password, cost);
  // Go's bcrypt writes 2a; for what can be hashed here both mean the same.
  return hashed.replace(/^\$2b\$/, '$2a$');
}

/** Reads a hash that a client made, in base64 as Go's standard encoding reads it; undefined where it is none. */
export function readHash(text: string): string | undefined {
  const digits = text.replaceAll(/[\r\n]/g, '');
  const isBase64 = digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
  return isBase64 ? Buffer.from(digits, 'base64').toString() : undefined;
}

/** True when `password` is the one that was hashed. False also for an unknown format. Never during apply. */
export async function verifyPassword(password: string, hashed: string): Promise<boolean> {
  if (/^\$2[aby]\$/.test(hashed)) {
    const { default: bcrypt } = await import('bcrypt');
    return bcrypt.compare(password, hashed);
  }
  // Members of the first versions wrote scrypt.
  const match = scryptFormat.exec(hashed);
  if (match === null) return false;
  const [, n, r, p, salt, key] = match;
  const wanted = Buffer.from(key ?? '', 'base64');
  const found = await derive(password, Buffer.from(salt ?? '', 'base64'), {
    bytes: wanted.length,
    cost: { N: Number(n), r: Number(r), p: Number(p) },
  });
  return found.length === wanted.length && timingSafeEqual(found, wanted);
}

function derive(
  password: string,
  salt: Buffer,
  options: { readonly bytes: number; readonly cost: { N: number; r: number; p: number } },
): Promise<Buffer> {
  const { bytes, cost } = options;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, { ...cost, maxmem: 64 * 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
