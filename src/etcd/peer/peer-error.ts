import { Code, isGrpcError } from '../../lib/grpc/types.js';
import { asEtcdError, EtcdError } from '../apply/errors.js';

/**
 * Converts the error of a call to another member to etcd's: by its text, and to `peerUnreachable` for a member that is
 * away. Returns any other error as it is.
 */
export function peerError(error: unknown): unknown {
  const known = asEtcdError(error);
  if (known !== undefined) return known;
  if (!isGrpcError(error) || error.code !== Code.Unavailable) return error;
  const { message, definite } = error;
  return new EtcdError('peerUnreachable', { text: message, definite, cause: error });
}

/** Runs a call to another member. @throws EtcdError; see {@link peerError} */
export async function askPeer<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw peerError(error);
  }
}
