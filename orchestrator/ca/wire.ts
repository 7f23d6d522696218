import { SshWireReader } from '../../executor/protocol/index.ts';
import { CaError } from './errors.ts';

/** Reads SSH's wire types; what is not as the format says is a CaError. */
export class WireReader extends SshWireReader {
  constructor(bytes: Buffer) {
    super(bytes, malformed);
  }
}

/** Bytes that are not what the format says. */
export function malformed(expected: string, got: string): CaError {
  return new CaError('certificate_malformed', {
    expected,
    got,
    hint: 'these bytes are not an ed25519 key or certificate as we write them',
  });
}
