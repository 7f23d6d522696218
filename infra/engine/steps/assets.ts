import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { refuse } from '../errors.ts';
import type { Json, Properties, Tagged } from '../values/value.ts';
import { ARCHIVE, ASSET, contains, isObject, isTagged } from '../values/value.ts';

/**
 * Gives each asset of a resource's inputs the digest of its content, so that a changed file is a changed input. Texts and
 * files have one; archives and remote assets are refused.
 */
export async function hashAssets(inputs: Properties): Promise<Properties> {
  if (contains(inputs, (value) => isTagged(value, ARCHIVE))) refuse('an archive among the inputs');
  if (!contains(inputs, (value) => isTagged(value, ASSET))) return inputs;
  return (await hashWithin(inputs)) as Properties;
}

async function hashWithin(value: Json): Promise<Json> {
  if (isTagged(value, ASSET)) return { ...value, hash: await digestOf(value) };
  if (Array.isArray(value)) return Promise.all((value as readonly Json[]).map(hashWithin));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(async ([key, item]) => [key, await hashWithin(item)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function digestOf({ text, path }: Tagged): Promise<string> {
  if (typeof text === 'string' && text !== '') return sha256(text);
  if (typeof path === 'string' && path !== '') return sha256(await readFile(path));
  if (typeof text === 'string') return sha256(text);
  return refuse('a remote asset among the inputs');
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
