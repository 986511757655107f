/** Checks of how a webhook is reached (Kubernetes' `apiserver/pkg/util/webhook`). */
import { at, child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { parseGoUrl } from '../go-text/url.js';
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
  const url = parseGoUrl(text);
  if (typeof url === 'string') {
    errors.push(required(path, `url must be a valid URL: ${url}${form}`));
    return;
  }
  const { scheme, host, user, fragment, query } = url;
  const onlyHttps = `'https' is the only allowed URL scheme${form}`;
  if (scheme !== 'https') errors.push(invalid(path, scheme, onlyHttps));
  if (host === '') errors.push(invalid(path, '', `host must be specified${form}`));
  const ofUser = 'user information is not permitted in the URL';
  if (user !== undefined) errors.push(invalid(path, user, ofUser));
  if (fragment !== '')
    errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  const ofQuery = 'query parameters are not permitted in the URL';
  if (query !== '') errors.push(invalid(path, query, ofQuery));
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
