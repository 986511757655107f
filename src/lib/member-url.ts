/** URLs at which members of the store are reached: `http://host:port`, `https://host:port`, or `unix://path`. */

/** The path of the socket that a URL names, all behind the slashes; undefined for others. */
export function unixPath(url: string): string | undefined {
  return /^unix:\/\/(.+)$/.exec(url)?.[1];
}

/** Returns the target of a channel for a URL: `host:port`, or `unix:path`. */
export function targetOf(url: string): string {
  const path = unixPath(url);
  return path === undefined ? new URL(url).host : `unix:${path}`;
}
