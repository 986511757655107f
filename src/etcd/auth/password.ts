import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** About 50 ms of one core and 16 MiB, on libuv's threads. */
const cost = { N: 16384, r: 8, p: 1 };
const keyBytes = 32;
const format = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;

/** Hashes a password with a fresh salt: `scrypt$N$r$p$salt$key`. Done before the request is proposed, once. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  const parts = [cost.N, cost.r, cost.p, salt.toString('base64'), key.toString('base64')];
  return `scrypt$${parts.join('$')}`;
}

/** True when `password` is the one that was hashed. False also for an unknown format. Never during apply. */
export async function verifyPassword(password: string, hashed: string): Promise<boolean> {
  const match = format.exec(hashed);
  if (match === null) return false;
  const [, n, r, p, salt, key] = match;
  const wanted = Buffer.from(key ?? '', 'base64');
  const found = await derive(password, Buffer.from(salt ?? '', 'base64'), {
    N: Number(n),
    r: Number(r),
    p: Number(p),
  });
  return found.length === wanted.length && timingSafeEqual(found, wanted);
}

function derive(
  password: string,
  salt: Buffer,
  options: { N: number; r: number; p: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyBytes, { ...options, maxmem: 64 * 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
