/**
 * Keeps the token of the signed-in user: in memory, and for the tab's life too where the user wishes so. Never in an
 * address, never where other tabs or later sessions find it.
 */
const key = 'trireme-token';

/** The token that this tab was told to keep; empty where there is none. */
export function keptToken(): string {
  return sessionStorage.getItem(key) ?? '';
}

/** Keeps the token across reloads of this tab, or forgets it. */
export function keepToken(token: string): void {
  if (token === '') sessionStorage.removeItem(key);
  else sessionStorage.setItem(key, token);
}

/** Takes a token out of what people paste: with a header's name, quotes or line breaks in it. */
export function tokenFrom(pasted: string): string {
  return pasted.replace(/^\s*(?:authorization:)?\s*(?:bearer\s)?/i, '').replace(/[\s"']/g, '');
}
