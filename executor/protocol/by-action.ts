import * as z from 'zod';
import { CONTRACTS } from './contracts.ts';

/** The union over a mapped type's members: one per action. */
export type EachAction<Rows> = Rows[keyof Rows];

/** One strict object per action, told apart by its name. The types say the same as the table, which they are derived from. */
export function byAction<Each extends { action: string }>(
  shapeOf: (name: keyof typeof CONTRACTS) => z.ZodRawShape,
): ByAction<Each> {
  const [first, ...rest] = (Object.keys(CONTRACTS) as (keyof typeof CONTRACTS)[]).map((name) =>
    z.strictObject({ action: z.literal(name), ...shapeOf(name) }),
  );
  if (first === undefined) throw new Error('expected a table of actions, got an empty one');
  return z.discriminatedUnion('action', [first, ...rest]) as unknown as ByAction<Each>;
}

/** A schema of that union, which another union may tell apart further. */
export type ByAction<Each> = z.ZodType<Each> & z.core.$ZodTypeDiscriminable;
