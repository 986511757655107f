/** Limits the walk through a tree that somebody else made. */
export const treeLimits = {
  /**
   * Directories below each other that a walk enters: each holds a descriptor. A path of the kernel's 4096 bytes has
   * hardly more.
   */
  depthMax: 256,
  /** Directories below each other that a removal holds open; what is deeper is moved up and emptied from there. */
  removeDepthMax: 32,
  /** Times that a directory is listed again because entries appeared in it; a tree of a million levels needs 32,000. */
  removeRoundsMax: 100_000,
  /** Links followed on the way to one object, as the kernel's own limit (path_resolution(7)). */
  linksMax: 40,
  /** Bytes of one name (NAME_MAX). */
  nameBytesMax: 255,
} as const;
