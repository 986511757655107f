/** A command line that is wrong, in kubectl's words. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
  /** True when the text stands alone: nothing is put before it, nothing points to help. */
  readonly plain: boolean;

  constructor(message: string, options: { readonly plain?: boolean } = {}) {
    super(message);
    this.plain = options.plain ?? false;
  }
}

/** Ends a command whose words are said already. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}
