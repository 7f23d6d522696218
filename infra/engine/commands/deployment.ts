import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { integrityViolations } from '../state/integrity.ts';
import type { Deployment } from '../state/schema.ts';
import { deploymentSchema } from '../state/schema.ts';
import { refuseUnsupported } from '../state/stack-file.ts';
import { parseUrn } from '../values/urn.ts';

const exportSchema = z.strictObject({ version: z.literal(3), deployment: deploymentSchema });

/** Reads an exported deployment. Resources of another stack or project, and unsound states, are refused. */
export function parseDeployment(text: string, stack: string, project: string): Deployment {
  const parsed = exportSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw new EngineError(
      'bad_state',
      `error: could not deserialize deployment: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
    );
  const { deployment } = parsed.data;
  for (const { urn } of deployment.resources ?? []) {
    const parts = parseUrn(urn);
    if (parts.stack !== stack || parts.project !== project) {
      throw new EngineError(
        'bad_state',
        `error: resource '${urn}' belongs to ${parts.project}/${parts.stack}, not to ${project}/${stack}`,
      );
    }
  }
  refuseUnsupported(deployment);
  const violations = integrityViolations(deployment);
  if (violations.length > 0)
    throw new EngineError(
      'bad_state',
      `error: snapshot integrity failure; refusing to use it: ${violations.join('; ')}`,
    );
  return deployment;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EngineError('bad_state', 'error: could not deserialize deployment: no JSON', { cause: error });
  }
}
