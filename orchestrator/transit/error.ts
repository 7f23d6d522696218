import { ExplainedError } from '../errors.ts';

export type TransitErrorCode = 'transit_unreachable' | 'transit_denied' | 'transit_unfit';

/** Why a key in Vault's Transit engine could not be used. `message` ends with what to do. */
export class TransitError extends ExplainedError<TransitErrorCode> {
  override readonly name = 'TransitError';
}
