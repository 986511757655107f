import { expect, test } from '@jest/globals';
import { ManualClock } from '../clock.js';
import type { Logger } from '../log.js';
import { silentLogger } from '../log.js';
import { Registry } from '../metrics.js';
import { createCertificateAuthority, issueCertificate } from './certificates.js';
import { watchExpiry } from './expiry.js';

const dayMs = 86_400_000;

interface Line {
  readonly level: 'warn' | 'error';
  readonly certificate: string;
  readonly daysLeft: number;
}

function recorder(lines: Line[]): Logger {
  const keep =
    (level: Line['level']) =>
    (fields: object): void => {
      const { certificate = '', daysLeft = 0 } = { ...fields } as Partial<Line>;
      lines.push({ level, certificate, daysLeft });
    };
  return { ...silentLogger, warn: keep('warn'), error: keep('error') };
}

test('a certificate is shown, warned of from 30 days before its end, and no more once it is renewed', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 8));
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = async (): Promise<string> => {
    const subject = { commonName: 'a', usages: ['client'] } as const;
    return (await issueCertificate({ ca, subject, clock })).cert;
  };
  let current = await issue();
  const lines: Line[] = [];
  const registry = new Registry();
  const stop = watchExpiry(
    { client: () => current, none: () => undefined, broken: () => 'no certificate' },
    { clock, log: recorder(lines), registry },
  );
  // An authority begins a week before it is made, and all that it signs with it.
  expect(registry.metrics())
    .toBe(`# HELP trireme_certificate_not_before_timestamp_seconds When the certificate begins to hold, in seconds since the Unix epoch.
# TYPE trireme_certificate_not_before_timestamp_seconds gauge
trireme_certificate_not_before_timestamp_seconds{certificate="client"} ${Date.UTC(2026, 0, 1) / 1000}

# HELP trireme_certificate_not_after_timestamp_seconds When the certificate ends to hold, in seconds since the Unix epoch.
# TYPE trireme_certificate_not_after_timestamp_seconds gauge
trireme_certificate_not_after_timestamp_seconds{certificate="client"} ${Date.UTC(2027, 0, 8) / 1000}
`);
  clock.advance(334 * dayMs);
  expect(lines).toEqual([]);
  clock.advance(2 * dayMs);
  expect(lines.map(({ level, daysLeft }) => `${level} ${daysLeft}`)).toEqual([
    'warn 30',
    'warn 29',
    'warn 29',
  ]);
  lines.length = 0;
  current = await issue();
  clock.advance(30 * dayMs);
  expect(lines).toEqual([]);
  expect(registry.metrics()).toContain(
    `not_after_timestamp_seconds{certificate="client"} ${(Date.UTC(2027, 0, 8) + 336 * dayMs) / 1000}`,
  );
  clock.advance(340 * dayMs);
  expect(lines.at(-1)).toEqual({ level: 'error', certificate: 'client', daysLeft: -5 });
  stop();
  expect(clock.pending).toBe(0);
});

test('one that lives for less than 90 days is warned of in the last third of its life', async () => {
  const clock = new ManualClock();
  const day = async (days: number): Promise<string> =>
    (await createCertificateAuthority({ commonName: 'ca', clock, days })).cert;
  // It begins seven days earlier.
  const current = await day(2);
  const lines: Line[] = [];
  const stop = watchExpiry({ a: () => current }, { clock, log: recorder(lines) });
  expect(lines.map(({ daysLeft }) => daysLeft)).toEqual([2]);
  stop();
  const young = await day(4);
  lines.length = 0;
  watchExpiry({ a: () => young }, { clock, log: recorder(lines) })();
  expect(lines).toEqual([]);
});
