/** The token of a list's next page, as apiserver writes and reads it (`storage/continue.go`). Pure. */
import { posix } from 'node:path';
import { jsonSyntaxError } from '../../../lib/go-json-syntax.js';
import { badRequest, expired, StatusError } from '../status.js';

/** The start of a next page. */
export interface Continue {
  /** The snapshot's; `-1` for one that goes on from a key without it. */
  readonly revision: number;
  /** Behind the kind's prefix. */
  readonly start: string;
}

/** The revision in a token that goes on from a key without the old snapshot. */
const inconsistent = -1;
const version = 'meta.k8s.io/v1';

/** Refuses a token. @throws StatusError BadRequest */
export function refuseToken(detail: string): never {
  throw badRequest(`invalid continue token: continue key is not valid: ${detail}`);
}

/** @throws StatusError BadRequest */
export function decodeContinue(token: string): Continue {
  const bytes = Buffer.from(token, 'base64url');
  const wrong = /[^\w-]/.exec(token);
  if (wrong !== null) refuseToken(`illegal base64 data at input byte ${wrong.index}`);
  let value: Partial<Record<'v' | 'rv' | 'start', unknown>> | null;
  try {
    value = JSON.parse(bytes.toString()) as Partial<Record<'v' | 'rv' | 'start', unknown>> | null;
  } catch {
    return refuseToken(jsonSyntaxError(bytes.toString()) ?? 'not JSON');
  }
  const { v: encoded, rv, start } = value ?? {};
  if (encoded !== version) {
    const text = JSON.stringify(typeof encoded === 'string' ? encoded : '');
    return refuseToken(`server does not recognize this encoded version ${text}`);
  }
  const of = `(version ${version})`;
  if (typeof rv !== 'number' || rv === 0 || !Number.isSafeInteger(rv)) {
    return refuseToken(`incorrect encoded start resourceVersion ${of}`);
  }
  if (typeof start !== 'string' || start === '') {
    return refuseToken(`encoded start key empty ${of}`);
  }
  // A key with `..` or doubled slashes in it would lead out of the kind's prefix.
  const key = start.startsWith('/') ? start : `/${start}`;
  if (posix.normalize(key) !== key || (key.endsWith('/') && key !== '/')) refuseToken(start);
  return { revision: rv, start: key.slice(1) };
}

/** The token of a page that begins at `start` of the snapshot at `revision`. */
export function encodeContinue(revision: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: version, rv: revision, start })).toString('base64url');
}

/**
 * An old token's snapshot is gone: the answer holds one that goes on regardless (apiserver's etcd3
 * `handleCompactedErrorForPaging`).
 */
export function expiredToken(start: string): Error {
  const text =
    'The provided continue parameter is too old to display a consistent list result. You can ' +
    'start a new list without the continue parameter, or use the continue token in this ' +
    'response to retrieve the remainder of the results. Continuing with the provided token ' +
    'results in an inconsistent list - objects that were created, modified, or deleted between ' +
    'the time the first chunk was returned and now may show up in the list.';
  const { status } = expired(text);
  const metadata = { continue: encodeContinue(inconsistent, start) };
  return new StatusError({ ...status, metadata });
}
