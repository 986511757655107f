/** Checks of how a webhook is reached (Kubernetes' `apiserver/pkg/util/webhook`). */
import { at, child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { dns1035Label, dnsSubdomain, portNumberErrors } from './names.js';

/** The address of a webhook: a URL, or a service. */
export interface WebhookAddress {
  readonly url?: string | undefined;
  readonly service?:
    | {
        readonly name?: string | undefined;
        readonly namespace?: string | undefined;
        readonly path?: string | undefined;
        readonly port?: number | undefined;
      }
    | undefined;
}

const form = '; desired format: https://host[/path]';

function checkUrl(text: string, path: FieldPath, errors: FieldError[]): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') {
    const scheme = url?.protocol.slice(0, -1) ?? '';
    errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${form}`));
  }
  if ((url?.host ?? '') === '') errors.push(invalid(path, '', `host must be specified${form}`));
  if (url === undefined) return;
  const user = [url.username, url.password].filter((part) => part !== '').join(':');
  const unwanted: readonly (readonly [string, string])[] = [
    [user, 'user information is not permitted in the URL'],
    [url.hash.slice(1), 'fragments are not permitted in the URL'],
    [url.search.slice(1), 'query parameters are not permitted in the URL'],
  ];
  for (const [value, detail] of unwanted) {
    if (value !== '') errors.push(invalid(path, value, detail));
  }
}

function checkServicePath(text: string, path: FieldPath, errors: FieldError[]): void {
  if (text === '' || text === '/') return;
  if (text === '//') {
    errors.push(invalid(path, text, 'segment[0] may not be empty'));
    return;
  }
  if (!text.startsWith('/')) errors.push(invalid(path, text, "must start with a '/'"));
  const segments = text.slice(1).replace(/\/$/, '').split('/');
  segments.forEach((segment, index) => {
    if (segment === '') errors.push(invalid(path, text, `segment[${index}] may not be empty`));
    else {
      for (const problem of dnsSubdomain(segment)) {
        errors.push(invalid(path, text, `segment[${index}]: ${problem}`));
      }
    }
  });
}

const defaultPort = 443;

/**
 * Adds what is wrong with a webhook's address.
 * @param path the path of the object that holds `url` and `service`
 */
export function checkWebhookAddress(
  address: WebhookAddress | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { url, service } = address ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(path, 'exactly one of url or service is required'));
  } else if (url !== undefined) checkUrl(url, child(path, 'url'), errors);
  else if (service !== undefined) {
    const here = child(path, 'service');
    const { name = '', namespace = '', port = defaultPort } = service;
    // Kubernetes mixes the two up: what is missing is the other one.
    if (namespace === '') errors.push(required(child(here, 'name'), 'service name is required'));
    if (name === '')
      errors.push(required(child(here, 'namespace'), 'service namespace is required'));
    for (const text of portNumberErrors(port)) {
      errors.push(invalid(child(here, 'port'), port, `port is not valid: ${text}`));
    }
    checkServicePath(service.path ?? '', child(here, 'path'), errors);
  }
}

/** Versions of reviews that the API server has; a webhook must know one of them. */
const reviewVersions = ['v1', 'v1beta1'];

/** Adds what is wrong with the versions of AdmissionReview or ConversionReview that a webhook knows. */
export function checkReviewVersions(
  versions: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const list = reviewVersions.join(', ');
  if (versions.length === 0) {
    errors.push(required(path, `must specify one of ${list}`));
    return;
  }
  const seen = new Set<string>();
  versions.forEach((version, index) => {
    const here = at(path, index);
    if (seen.has(version)) errors.push(invalid(here, version, 'duplicate version'));
    seen.add(version);
    for (const text of dns1035Label(version)) errors.push(invalid(here, version, text));
  });
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${list}`));
  }
}
