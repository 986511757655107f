/** The text of field selectors: `metadata.name=a,spec.nodeName!=b`. Pure. */

/** One requirement of a field selector. */
export interface FieldTerm {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/**
 * Splits `a=b,c!=d` into its terms, with `\` before `,`, `=` and `\` in values.
 * @returns undefined when a part of it is no term
 */
export function parseTerms(text: string): readonly FieldTerm[] | undefined {
  const terms = readTerms(text);
  return typeof terms === 'string' ? undefined : terms;
}

/** The terms, or what is wrong with them, in Kubernetes' words (apimachinery `fields/selector.go`). */
export function readTerms(text: string): FieldTerm[] | string {
  const terms: FieldTerm[] = [];
  for (const part of splitTerms(text)) {
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
    if (match === null) return `invalid selector: '${text}'; can't understand '${part}'`;
    const [, field = '', operator, written = ''] = match;
    const value = unescapeValue(written);
    if (typeof value !== 'string') return `invalid field selector: ${value.wrong}`;
    terms.push({ field, value, equal: operator !== '!=' });
  }
  return terms;
}

/** The parts between commas that have no backslash before them; empty ones are left out. */
function splitTerms(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (at === text.length || text[at] === ',') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts.filter((part) => part !== '');
}

function unescapeValue(written: string): string | { readonly wrong: string } {
  let value = '';
  for (let at = 0; at < written.length; at++) {
    let char = written.charAt(at);
    // The rune is printed as its number, as Go does.
    if (char === '=') return { wrong: 'unescaped character in value: 61' };
    if (char === '\\') {
      at += 1;
      char = written.charAt(at);
      if (char === '' || !'\\,='.includes(char)) {
        return { wrong: `invalid escape sequence: \\${char}` };
      }
    }
    value += char;
  }
  return value;
}
