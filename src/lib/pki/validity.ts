import { X509Certificate } from 'node:crypto';

/** When a certificate begins and ends to be believed, in milliseconds of the wall clock. */
export function validityOf(certificate: string | Buffer): {
  readonly fromMs: number;
  readonly toMs: number;
} {
  const { validFrom, validTo } = new X509Certificate(certificate);
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}

/** When a certificate whose holder renews it should be renewed: at two thirds of its life. */
export function renewAtMs(certificate: string | Buffer): number {
  const { fromMs, toMs } = validityOf(certificate);
  return fromMs + ((toMs - fromMs) * 2) / 3;
}

/** Why a certificate is not believed at that time; undefined when it is. */
export function invalidAt(certificate: string | Buffer, nowMs: number): string | undefined {
  const { fromMs, toMs } = validityOf(certificate);
  const day = (ms: number): string => new Date(ms).toISOString();
  if (nowMs > toMs) return `expired on ${day(toMs)}`;
  if (nowMs < fromMs)
    return `is valid from ${day(fromMs)} on, and the clock here says ${day(nowMs)}`;
  return undefined;
}
