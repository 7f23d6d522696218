import { z } from 'zod';
import type { Json, Properties } from '../values/value.ts';

/** Any JSON value. */
const json: z.ZodType<Json> = z.json();
const properties: z.ZodType<Properties> = z.record(z.string(), json);
const seconds = z.number().nonnegative().optional();

/**
 * One resource of the state file. Fields after `replaceOnChanges` belong to features the engine does not have; they are
 * carried through untouched, except the four which `unsupportedFields` refuses.
 */
export const resourceSchema = z.strictObject({
  urn: z.string().min(1),
  custom: z.boolean(),
  type: z.string().min(1),
  delete: z.boolean().optional(),
  id: z.string().optional(),
  inputs: properties.optional(),
  outputs: properties.optional(),
  parent: z.string().optional(),
  protect: z.boolean().optional(),
  external: z.boolean().optional(),
  dependencies: z.array(z.string()).optional(),
  initErrors: z.array(z.string()).optional(),
  provider: z.string().optional(),
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).optional(),
  pendingReplacement: z.boolean().optional(),
  additionalSecretOutputs: z.array(z.string()).optional(),
  aliases: z.array(z.string()).optional(),
  customTimeouts: z.strictObject({ create: seconds, update: seconds, delete: seconds, read: seconds }).optional(),
  retainOnDelete: z.boolean().optional(),
  deletedWith: z.string().optional(),
  created: z.string().optional(),
  modified: z.string().optional(),
  ignoreChanges: z.array(z.string()).optional(),
  replaceOnChanges: z.array(z.string()).optional(),
  taint: z.boolean().optional(),
  importID: z.string().optional(),
  replaceWith: z.array(z.string()).optional(),
  sourcePosition: z.string().optional(),
  stackTrace: json.optional(),
  hideDiff: z.array(z.string()).optional(),
  replacementTrigger: json.optional(),
  refreshBeforeUpdate: z.boolean().optional(),
  viewOf: z.string().optional(),
  resourceHooks: json.optional(),
  extensionRef: json.optional(),
  snippetID: z.string().optional(),
});

/** What an interrupted step was about to do. A resource that was being created has no id yet. */
export const operationSchema = z.strictObject({
  resource: resourceSchema,
  type: z.enum(['creating', 'updating', 'deleting', 'reading', 'importing']),
});

/** Who can open the secrets of a state file. */
export const secretsProvidersSchema = z.strictObject({
  type: z.string(),
  state: z.strictObject({ salt: z.string() }).optional(),
});

/** Everything a state file says about a stack. */
export const deploymentSchema = z.strictObject({
  manifest: z.strictObject({
    time: z.string(),
    magic: z.string(),
    version: z.string(),
    plugins: z.array(json).optional(),
  }),
  secrets_providers: secretsProvidersSchema.optional(),
  resources: z.array(resourceSchema).optional(),
  pending_operations: z.array(operationSchema).optional(),
  metadata: z.record(z.string(), json),
});

/** The state file: Pulumi's checkpoint, version 3. */
export const checkpointSchema = z.strictObject({
  version: z.literal(3),
  checkpoint: z.strictObject({ stack: z.string(), latest: deploymentSchema.optional() }),
});

export type StoredResource = z.infer<typeof resourceSchema>;
export type Operation = z.infer<typeof operationSchema>;
export type OperationType = Operation['type'];
export type Deployment = z.infer<typeof deploymentSchema>;
export type CheckpointFile = z.infer<typeof checkpointSchema>;
export type SecretsProviders = z.infer<typeof secretsProvidersSchema>;

/** A resource as the engine holds it: the stored form with its secrets opened and its inputs and outputs present. */
export type State = StoredResource & { inputs: Properties; outputs: Properties };

/** Names the features in a resource whose semantics the engine does not have. */
export function unsupportedFields(resource: StoredResource): readonly string[] {
  const found: string[] = [];
  if (resource.viewOf !== undefined) found.push('viewOf');
  if (resource.taint === true) found.push('taint');
  if ((resource.replaceWith ?? []).length > 0) found.push('replaceWith');
  if (resource.resourceHooks !== undefined) found.push('resourceHooks');
  return found;
}
