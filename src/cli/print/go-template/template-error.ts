/** A template that cannot be read or carried out. */
export class GoTemplateError extends Error {
  override readonly name = 'GoTemplateError';
}
