import { SshWireReader } from '../../protocol/index.ts';
import { LoginRefused } from './refused.ts';

/** Reads SSH's wire types; what is not as the format says is a LoginRefused. */
export class WireReader extends SshWireReader {
  constructor(bytes: Buffer) {
    super(bytes, malformed);
  }
}

/** Bytes that are not what the format says. */
export function malformed(expected: string, got: string): LoginRefused {
  return new LoginRefused('LOGIN_CERTIFICATE_INVALID', expected, got, 'the certificate is not one that our CA writes');
}
