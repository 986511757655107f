/** A template that cannot be read. */
export class GoTemplateError extends Error {
  override readonly name = 'GoTemplateError';
}

/** A template that can be read, and not carried out with this value. */
export class GoTemplateRunError extends Error {
  override readonly name = 'GoTemplateRunError';
}
