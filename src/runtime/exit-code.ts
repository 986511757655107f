/** The code for an end of which nothing readable is left. */
export const unknownExitCode = 255;

/**
 * The exit code in a file or frame of the shim; {@link unknownExitCode} for what is none, an empty file of a full
 * disk among it.
 */
export function parseExitCode(text: string): number {
  const trimmed = text.trim();
  return /^\d{1,3}$/.test(trimmed) ? Number(trimmed) : unknownExitCode;
}

/** The process id in such a file; undefined for what is none: signals to 0 or -1 would reach more than one process. */
export function parsePid(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d{1,10}$/.test(trimmed) && Number(trimmed) > 1 ? Number(trimmed) : undefined;
}
