/** Go's text/template, as far as templates of kubectl's users go. */
import { parseGoTemplate } from './parse.js';
import { TemplateRun } from './evaluate.js';

/** Prints a value by a template. @throws GoTemplateError, GoTemplateRunError */
export function renderGoTemplate(template: string, value: unknown): string {
  const { nodes, templates } = parseGoTemplate(template);
  return new TemplateRun(value, templates).render(nodes);
}
