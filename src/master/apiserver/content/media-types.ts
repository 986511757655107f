import { unsupportedMediaType } from '../status.js';

/** The media types in which objects come and go. */
export const acceptedTypes = ['application/json', 'application/yaml'] as const;

/** The format of a request body. @throws StatusError UnsupportedMediaType */
export function bodyFormat(contentType: string): 'json' | 'yaml' {
  const [type = ''] = contentType.split(';');
  switch (type.trim().toLowerCase()) {
    case '':
    case 'application/json':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    default:
      throw unsupportedMediaType(acceptedTypes);
  }
}
