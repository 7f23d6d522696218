import { Struct } from './messages.ts';
import type { Json, Properties } from '../values/value.ts';
import {
  contains,
  isObject,
  isSecret,
  isTagged,
  OUTPUT_VALUE,
  REFERENCE,
  reveal,
  rewrite,
  secretOf,
} from '../values/value.ts';

/** What the other end can take. */
export interface Accepts {
  readonly secrets: boolean;
  readonly references: boolean;
}

/** Properties as a message for an end that takes everything, i.e. the program. */
export function toStruct(properties: Properties): Struct {
  return Struct.fromJavaScript(properties);
}

/** A message's properties. Output values, which only remote components send, become what they hold. */
export function fromStruct(struct: Struct | undefined): Properties {
  const properties = (struct?.toJavaScript() ?? {}) as Properties;
  return contains(properties, (value) => isTagged(value, OUTPUT_VALUE))
    ? (rewrite(properties, flattenOutputValue) as Properties)
    : properties;
}

/** Properties as a message for a provider: what it does not take is replaced by what it does. */
export function toProviderStruct(properties: Properties, accepts: Accepts): Struct {
  let value: Json = properties;
  if (!accepts.secrets) value = reveal(value);
  if (!accepts.references)
    value = rewrite(value, (item) => (isTagged(item, REFERENCE) ? (item['id'] ?? item['urn'] ?? null) : item));
  return toStruct(value as Properties);
}

/**
 * A provider's answer. One that takes no secrets has been sent plain values; each property it answers under a name whose
 * sent value held a secret is marked secret again.
 */
export function fromProviderStruct(struct: Struct | undefined, sent: Properties, accepts: Accepts): Properties {
  const properties = fromStruct(struct);
  return accepts.secrets ? properties : markAgain(properties, sent);
}

function markAgain(answer: Properties, sent: Properties): Properties {
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, markValue(value, sent[key])]));
}

function markValue(value: Json, sent: Json | undefined): Json {
  if (sent === undefined) return value;
  if (isSecret(sent)) return secretOf(value);
  if (isObject(value) && isObject(sent)) return markAgain(value, sent);
  return Array.isArray(sent) && contains(sent, isSecret) ? secretOf(value) : value;
}

function flattenOutputValue(value: Json): Json {
  if (!isTagged(value, OUTPUT_VALUE)) return value;
  const inner = value['value'] ?? null;
  return value['secret'] === true ? secretOf(inner) : inner;
}
