/** The points at which a load balancer is reached, in the status of services and ingresses. */
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isLooseIp } from './ip-text.js';
import { dnsSubdomain, ipErrors } from './names.js';

const path = 'status.loadBalancer.ingress';

interface Point {
  readonly hostname?: string | undefined;
  readonly ip?: string | undefined;
  readonly ipMode?: string | undefined;
}

function namesErrors({ ip = '', hostname = '' }: Point, here: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const problems = ip === '' ? [] : ipErrors(ip);
  for (const text of problems) errors.push(invalid(child(here, 'ip'), ip, text));
  if (hostname === '') return errors;
  const name = child(here, 'hostname');
  for (const text of dnsSubdomain(hostname)) errors.push(invalid(name, hostname, text));
  if (isLooseIp(hostname)) {
    errors.push(invalid(name, hostname, 'must be a DNS name, not an IP address'));
  }
  return errors;
}

function modeErrors({ ip = '', ipMode }: Point, here: FieldPath): FieldError[] {
  const mode = child(here, 'ipMode');
  if (ipMode === undefined) {
    return ip === '' ? [] : [required(mode, 'must be specified when `ip` is set')];
  }
  if (ip === '') return [forbidden(mode, 'may not be specified when `ip` is not set')];
  return ['Proxy', 'VIP'].includes(ipMode) ? [] : [notSupported(mode, ipMode, ['Proxy', 'VIP'])];
}

/** Errors of an ingress' points. */
export function ingressPointErrors(points: readonly Point[] = []): FieldError[] {
  return points.flatMap((point, index) => namesErrors(point, at(path, index)));
}

/** Errors of a service's points. */
export function servicePointErrors(
  type: string | undefined,
  points: readonly Point[] = [],
): FieldError[] {
  if (points.length === 0) return [];
  if (type !== 'LoadBalancer') {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return points.flatMap((point, index) => {
    const here = at(path, index);
    const [ofIp, ofName] = [
      namesErrors({ ip: point.ip }, here),
      namesErrors({ hostname: point.hostname }, here),
    ];
    return [...ofIp, ...modeErrors(point, here), ...ofName];
  });
}
