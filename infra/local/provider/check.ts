import type { z } from 'zod';
import type { Checked, Properties } from './resource.ts';

/** A resource's check from the schema of its inputs: parsed values, or one failure per issue, named by property. */
export function checkWith<Inputs extends Properties>(
  schema: z.ZodType<Inputs>,
): (inputs: Properties) => Checked<Inputs> {
  return (inputs) => {
    const parsed = schema.safeParse(inputs);
    if (parsed.success) return { inputs: parsed.data };
    return {
      failures: parsed.error.issues.map(({ path, message }) => ({ property: path.join('.'), reason: message })),
    };
  };
}
