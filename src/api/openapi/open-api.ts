/** A piece of an OpenAPI document. */
export type OpenApi = { [key: string]: unknown };
