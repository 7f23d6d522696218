import { createHash } from 'node:crypto';
import { canonicalJson } from '../../protocol/canonical.ts';
import { Grant, GRANT_EXTENSION } from '../../protocol/grant.ts';
import { GRANT_MAX_BYTES } from '../../protocol/limits.ts';
import { parseStrictJson } from '../session/strict-json.ts';
import { TUNNEL_EXTENSION } from '../../protocol/tunnel.ts';
import type { Certificate } from './certificate.ts';
import type { Facts } from './facts.ts';
import { LoginRefused } from './refused.ts';

/**
 * Takes the grant out of a checked certificate. It must be canonical to the byte, complete, for this machine, and the one that the
 * key id names (which sshd has logged). Throws LoginRefused.
 */
export function readGrant(certificate: Certificate, { machineId }: Facts): Grant {
  const json = certificate.extensions.get(GRANT_EXTENSION) ?? '';
  const grant = parse(json);
  if (canonicalJson(grant) !== json) throw invalid('canonical JSON', 'another spelling');
  if (grant.machine_id !== machineId) {
    throw new LoginRefused('LOGIN_WRONG_MACHINE', `a grant for ${machineId}`, 'a grant for another machine', HINT);
  }
  if ((grant.tunnels !== undefined) !== certificate.extensions.has(TUNNEL_EXTENSION)) {
    throw invalid(`${TUNNEL_EXTENSION} where the grant names tunnels and nowhere else`, 'one without the other');
  }
  const sha256 = createHash('sha256').update(json).digest('hex');
  if (certificate.keyId !== `run=${grant.run_id}:task=${grant.task_id}:grant=${sha256}`) {
    throw invalid("a key id with this grant's run, task and digest", 'another key id');
  }
  return grant;
}

function parse(json: string): Grant {
  const bytes = Buffer.byteLength(json);
  if (bytes > GRANT_MAX_BYTES) throw invalid(`a grant of at most ${GRANT_MAX_BYTES} bytes`, `${bytes} bytes`);
  const value = parseStrictJson(json, { valuesMax: GRANT_VALUES_MAX });
  if (!value.ok) throw invalid(value.expected, value.got);
  const grant = Grant.safeParse(value.value);
  if (!grant.success)
    throw invalid('a complete grant and nothing else', grant.error.issues[0]?.message ?? 'something else');
  return grant.data;
}

/** Members and elements in a grant: eight actions with 64 paths or digests each, and some room. */
const GRANT_VALUES_MAX = 2048;

const HINT = 'the CA signs grants; mint a new certificate';

function invalid(expected: string, got: string): LoginRefused {
  return new LoginRefused('LOGIN_GRANT_INVALID', expected, got, HINT);
}
