import * as z from 'zod';

const Attribute = z.strictObject({
  type: z.string(),
  requirement: z.enum(['required', 'recommended', 'optional']),
  object: z.boolean().optional(),
  array: z.boolean().optional(),
  profiles: z.array(z.string()).optional(),
  enum: z.array(z.union([z.int(), z.string()])).optional(),
});
type Attribute = z.infer<typeof Attribute>;
const Shape = { attributes: z.record(z.string(), Attribute), at_least_one: z.array(z.string()) };

/** test/vectors/ocsf-1.8.0.json: the published schema, reduced to what we emit. */
export const OcsfSchema = z.strictObject({
  source: z.string(),
  version: z.string(),
  classes: z.record(z.string(), z.strictObject({ name: z.string(), category_uid: z.int(), ...Shape })),
  objects: z.record(z.string(), z.strictObject(Shape)),
});
export type OcsfSchema = z.infer<typeof OcsfSchema>;

type Fields = Readonly<Record<string, unknown>>;

/** Everything in which an event does not follow the schema. */
export function problemsOf(schema: OcsfSchema, event: Fields): readonly string[] {
  const one = schema.classes[String(event['class_uid'])];
  if (one === undefined) return [`event: unknown class ${String(event['class_uid'])}`];
  const { profiles = [], version } = event['metadata'] as { profiles?: readonly string[]; version?: string };
  return [
    ...(version === schema.version ? [] : ['event.metadata.version: another one']),
    ...(event['category_uid'] === one.category_uid ? [] : ['event.category_uid: not of this class']),
    ...(event['type_uid'] === Number(event['class_uid']) * 100 + Number(event['activity_id'])
      ? []
      : ['event.type_uid: not class and activity']),
    ...shapeProblems(schema, one, event, 'event', profiles),
  ];
}

function shapeProblems(
  schema: OcsfSchema,
  {
    attributes,
    at_least_one: alternatives,
  }: { attributes: Readonly<Record<string, Attribute>>; at_least_one: readonly string[] },
  value: Fields,
  at: string,
  profiles: readonly string[],
): string[] {
  const applies = ({ profiles: of }: Attribute): boolean =>
    of === undefined || of.some((name) => profiles.includes(name));
  const missing = Object.entries(attributes)
    .filter(
      ([name, attribute]) => attribute.requirement === 'required' && applies(attribute) && value[name] === undefined,
    )
    .map(([name]) => `${at}.${name}: required`);
  const none = alternatives.length > 0 && alternatives.every((name) => value[name] === undefined);
  const own = Object.entries(value).flatMap(([name, member]) => {
    const attribute = attributes[name];
    if (attribute === undefined || !applies(attribute)) return [`${at}.${name}: unknown`];
    const items: readonly unknown[] = attribute.array === true && Array.isArray(member) ? member : [member];
    return items.flatMap((item) => valueProblems(schema, attribute, item, `${at}.${name}`, profiles));
  });
  return [...missing, ...(none ? [`${at}: none of its alternatives`] : []), ...own];
}

function valueProblems(
  schema: OcsfSchema,
  attribute: Attribute,
  value: unknown,
  at: string,
  profiles: readonly string[],
): string[] {
  if (attribute.object === true) {
    if (typeof value !== 'object' || value === null) return [`${at}: expected an object`];
    const shape = schema.objects[attribute.type];
    // `object` is the schema's free one: unmapped.
    if (shape === undefined) return attribute.type === 'object' ? [] : [`${at}: no schema of ${attribute.type} here`];
    return shapeProblems(schema, shape, value as Fields, at, profiles);
  }
  const isNumber = ['integer_t', 'long_t', 'timestamp_t', 'port_t', 'float_t'].includes(attribute.type);
  if (
    isNumber ? !Number.isSafeInteger(value) : typeof value !== (attribute.type === 'boolean_t' ? 'boolean' : 'string')
  )
    return [`${at}: expected ${attribute.type}`];
  return attribute.enum === undefined || attribute.enum.includes(value as number)
    ? []
    : [`${at}: not one of the schema`];
}
