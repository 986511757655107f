/** Tells in time that a certificate is about to end: to those who read the metrics and to those who read the log. */
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { Gauge } from '../metrics.js';
import type { Registry } from '../metrics.js';
import { validityOf } from './validity.js';

const dayMs = 86_400_000;
/** A certificate that has less than this left is warned of, or less than a third of its life where that is shorter. */
export const warnBeforeMs = 30 * dayMs;
/** The interval of checks, and so of warnings. */
const lookEveryMs = dayMs / 2;

/** Reads the certificate of now, PEM; undefined where there is none. */
type ReadCertificate = () => string | Buffer | undefined;

/** Certificates by the name that metrics and warnings give them. */
export type WatchedCertificates = Readonly<Record<string, ReadCertificate>>;

/**
 * Shows when each certificate begins and ends, and warns from 30 days before its end, twice a day. Renewal comes long
 * before: the warning says that it does not work, or that nobody renews.
 * @returns a function that ends it
 */
export function watchExpiry(
  certificates: WatchedCertificates,
  tools: { readonly registry?: Registry; readonly clock: Clock; readonly log: Logger },
): () => void {
  const { registry, clock, log } = tools;
  registry?.registerMetric(gauge(certificates, 'not_before', 'begins', 'fromMs'));
  registry?.registerMetric(gauge(certificates, 'not_after', 'ends', 'toMs'));
  let cancel: () => void = () => undefined;
  const look = (): void => {
    for (const [certificate, validity] of validities(certificates)) {
      const leftMs = validity.toMs - clock.nowMs();
      if (leftMs > Math.min(warnBeforeMs, (validity.toMs - validity.fromMs) / 3)) continue;
      const fields = {
        certificate,
        notAfter: new Date(validity.toMs).toISOString(),
        daysLeft: Math.floor(leftMs / dayMs),
      };
      if (leftMs > 0) log.warn(fields, 'a certificate expires soon and has not been renewed');
      else log.error(fields, 'a certificate has expired: connections that need it fail');
    }
    cancel = clock.schedule(lookEveryMs, look);
  };
  look();
  return () => cancel();
}

function gauge(
  certificates: WatchedCertificates,
  name: string,
  verb: string,
  bound: 'fromMs' | 'toMs',
): Gauge<'certificate'> {
  return new Gauge({
    name: `trireme_certificate_${name}_timestamp_seconds`,
    help: `When the certificate ${verb} to hold, in seconds since the Unix epoch.`,
    labelNames: ['certificate'],
    collect(metric) {
      metric.reset();
      for (const [certificate, validity] of validities(certificates)) {
        metric.set({ certificate }, validity[bound] / 1000);
      }
    },
  });
}

/** Reads the validity of each certificate that exists and is well-formed. */
function validities(
  certificates: WatchedCertificates,
): [string, { readonly fromMs: number; readonly toMs: number }][] {
  return Object.entries(certificates).flatMap(([name, read]) => {
    try {
      const pem = read();
      return pem === undefined ? [] : [[name, validityOf(pem)]];
    } catch {
      // Another certificate is being written there, or it is none: whoever uses it says so.
      return [];
    }
  });
}
