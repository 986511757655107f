/** One file of a volume. */
export interface VolumeFile {
  /** Relative and without `..`, when it comes from {@link volumePayload}. */
  readonly path: string;
  readonly data: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** The owner. @default root */
  readonly userId?: number;
}
