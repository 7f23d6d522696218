import { createRequire } from 'node:module';
import { readIfPresent, writeDurably } from '../backend/files.ts';

interface Yaml {
  load(text: string): unknown;
  dump(value: unknown): string;
}

/** The SDK's own YAML library: it wrote the files that are read here. */
const sdk = createRequire(import.meta.resolve('@pulumi/pulumi/package.json'));
const yaml = sdk('js-yaml') as Yaml;

/** The content of a YAML or JSON settings file (JSON is YAML), or undefined if there is none. */
export async function readSettings(path: string): Promise<unknown> {
  const text = await readIfPresent(path);
  return text === undefined ? undefined : yaml.load(text);
}

/** Writes a settings file. */
export async function writeSettings(path: string, value: unknown): Promise<void> {
  await writeDurably(path, path.endsWith('.json') ? JSON.stringify(value, undefined, 4) : yaml.dump(value));
}
