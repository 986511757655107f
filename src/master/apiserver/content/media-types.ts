import { unsupportedMediaType } from '../status.js';

/** The media types in which custom objects come and go. */
export const customTypes = ['application/json', 'application/yaml'] as const;
/** The media types in which objects come and go. */
export const acceptedTypes = [...customTypes, 'application/vnd.kubernetes.protobuf'] as const;
/** The media types of watches. */
export const watchTypes = [
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
] as const;

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
