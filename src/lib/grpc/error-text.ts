import { errorMessage } from '../errors.js';
import { Code, isGrpcError } from './types.js';

/** The text of a failed call as programs in Go print it: users know it from events and statuses. */
export function rpcErrorText(error: unknown): string {
  if (!isGrpcError(error)) return errorMessage(error);
  const [name = 'Unknown'] = Object.entries(Code).find(([, code]) => code === error.code) ?? [];
  return `rpc error: code = ${name} desc = ${error.message}`;
}
